"""Text from outside made harmless in a prompt: nothing in it can be taken for the prompt's own structure.

A structural string gets a backslash behind its first character: `</s>` becomes `<\\/s>`, `[INST]` becomes `[\\INST]`.
All other text stays as it is, byte for byte. Knows no tokenizer: the strings are those of the model families in use
(Llama, CodeLlama, Mistral, ChatML, Qwen, Gemma, Phi, DeepSeek, StarCoder) and the delimiters of our templates.
`prompts.encode` stands behind it: whatever a text holds, it never becomes a special token.
"""

import re

QUOTING_VERSION = 1

AFTER_ANGLE = (
    # <|im_start|>, <|eot_id|>, <|fim_prefix|>, <|user|>, also with DeepSeek's full-width bars (U+FF5C)
    r"[|\uff5c][^<>\[\]|\uff5c\\\s]{1,60}[|\uff5c]>",
    r"/?(?:s|bos|eos|pad|unk)>",
    r"/?SYS>>",
    r"(?:PRE|SUF|MID|EOT)>",
    r"(?:start|end)_of_(?:turn|image)>",
    r"unused\d{1,4}>",
    r"/?(?:think|tool_call|tool_response|tools)>",
    r"(?:fim_(?:prefix|middle|suffix|pad)|file_sep|repo_name)>",
    r"/?(?i:student-(?:code|file))",  # our own delimiters, however they are spelled
)
AFTER_BRACKET = (
    r"/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CONTENT|THINK)\]",
    r"(?:TOOL_CALLS|CALL_ID|ARGS|IMG|IMG_BREAK|IMG_END|AUDIO|BEGIN_AUDIO|PREFIX|MIDDLE|SUFFIX)\]",
    r"control_\d{1,4}\]",
)
# No alternative holds `<`, `[` or a backslash behind the first character. So matches never overlap, a backslash put
# into one makes or breaks no other, and no two texts are quoted alike.
ANGLE, BRACKET = rf"\\*(?:{'|'.join(AFTER_ANGLE)})", rf"\\*(?:{'|'.join(AFTER_BRACKET)})"
STRUCTURE = re.compile(rf"<(?={ANGLE})|\[(?={BRACKET})")


def quote(text: str) -> str:
    """`text` with its structural strings broken, and with those that were broken before broken once more."""
    return STRUCTURE.sub(r"\g<0>\\", text)


def quote_name(name: str) -> str:
    """A file name for one line between double quotes: backslash, quote and what cannot be printed are escaped."""
    escaped = (
        f"\\{c}" if c in '\\"' else c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name
    )
    return quote("".join(escaped))
