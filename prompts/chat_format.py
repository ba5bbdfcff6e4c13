"""What a tokenizer's own chat template puts around the system text, the user's turn and the answer.

The template is rendered once with marks in place of the texts and cut at the marks, so no text from outside ever goes
through it. Knows no token ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labs_schema.errors import ModelError

SYSTEM, USER, ANSWER = "systemTextStandsHere", "userTextStandsHere", "answerTextStandsHere"
FOLD = "\n\n"
"""Between system text and user's turn where they share a turn."""


@dataclass(frozen=True)
class ChatFormat:
    """Texts of the template, special tokens written out. `after` is empty where the template ends with the answer.

    A prompt is `before` + system + `between` + user's turn + `answering`, and the answer is followed by `after`.
    Without a system text `between` is empty, and whatever system turn the template has of its own is in `before`.
    """

    before: str
    between: str
    answering: str
    after: str


def chat_format(tokenizer: Any, *, system: bool) -> ChatFormat:
    """The format of prompts with (`system`) or without a system text.

    A template that refuses a system turn, or drops it, gets the system text at the start of the user's turn: which
    templates do is found by trying. A tokenizer without a template gives plain text after its BOS. Raises ModelError
    where the template cannot be rendered or changes what it is given.
    """
    if not getattr(tokenizer, "chat_template", None):
        return ChatFormat(tokenizer.bos_token or "", FOLD if system else "", "\n", "")
    if not system:
        cut = cut_at_marks(tokenizer, [("user", USER)], [USER])
    else:
        marks = [SYSTEM, USER]
        cut = cut_at_marks(tokenizer, [("system", SYSTEM), ("user", USER)], marks) or cut_at_marks(
            tokenizer, [("user", SYSTEM + FOLD + USER)], marks
        )
    if cut is None:
        raise ModelError(
            f"the chat template of tokenizer {tokenizer.name_or_path!r} cannot be used: it does not render a user's "
            "turn and an answer as they are given. Use another tokenizer, or mend its chat_template."
        )
    return cut


def cut_at_marks(tokenizer: Any, turns: Sequence[tuple[str, str]], marks: Sequence[str]) -> ChatFormat | None:
    """The format, or None where the template raises, or does not keep every mark once and in order.

    What comes before the answer is taken from the prompt for generation, and from a finished turn where that only goes
    on from there: Llama's template writes a space in front of an answer that it does not write for generation.
    """
    asked = rendered(tokenizer, turns, generate=True)
    answered = rendered(tokenizer, [*turns, ("assistant", ANSWER)], generate=False)
    prompt, finished = pieces(asked, marks), pieces(answered, [*marks, ANSWER])
    if prompt is None or finished is None:
        return None
    answering = finished[-2] if finished[-2].startswith(prompt[-1]) else prompt[-1]
    return ChatFormat(prompt[0], prompt[1] if len(prompt) == 3 else "", answering, finished[-1])


def rendered(tokenizer: Any, turns: Sequence[tuple[str, str]], *, generate: bool) -> str:
    """The template's text, empty where it raises: templates raise what they like."""
    messages = [{"role": role, "content": content} for role, content in turns]
    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate))
    except Exception:
        return ""


def pieces(text: str, marks: Sequence[str]) -> list[str] | None:
    """`text` cut at `marks`, None where one of them is not there exactly once, after the one before."""
    cut: list[str] = []
    for mark in marks:
        if text.count(mark) != 1:
            return None
        head, text = text.split(mark)
        cut.append(head)
    return [*cut, text]
