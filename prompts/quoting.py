"""Escapes structural strings in untrusted text, so that it cannot imitate the prompt's own structure.

A backslash is inserted after the first character: `</s>` becomes `<\\/s>`, `[INST]` becomes `[\\INST]`. Other text is
unchanged. The strings are the special tokens of Llama, CodeLlama, Mistral, ChatML, Qwen, Gemma, Phi, DeepSeek and
StarCoder, and the delimiters of our templates. As a second layer, `prompts.segments` never encodes untrusted text as
special tokens.
"""

import re

QUOTING_VERSION = 2

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
    r"/?(?i:student-(?:code|file|observations))",  # our own delimiters, in any case
)
AFTER_BRACKET = (
    r"/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CONTENT|THINK)\]",
    r"(?:TOOL_CALLS|CALL_ID|ARGS|IMG|IMG_BREAK|IMG_END|AUDIO|BEGIN_AUDIO|PREFIX|MIDDLE|SUFFIX)\]",
    r"control_\d{1,4}\]",
)
# No alternative contains `<`, `[` or a backslash after its first character. So matches never overlap, an inserted
# backslash neither creates nor breaks another match, and quoting is injective.
ANGLE, BRACKET = rf"\\*(?:{'|'.join(AFTER_ANGLE)})", rf"\\*(?:{'|'.join(AFTER_BRACKET)})"
STRUCTURE = re.compile(rf"<(?={ANGLE})|\[(?={BRACKET})")


def quote(text: str) -> str:
    """`text` with structural strings escaped. Strings that are already escaped get a further backslash."""
    return STRUCTURE.sub(r"\g<0>\\", text)


def quote_name(name: str) -> str:
    """A file name for use in double quotes: backslashes, quotes and non-printable characters are escaped."""
    escaped = (
        f"\\{c}" if c in '\\"' else c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name
    )
    return quote("".join(escaped))
