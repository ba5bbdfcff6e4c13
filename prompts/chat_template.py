"""Splits a tokenizer's chat template into the fixed texts around the system prompt, the user turn and the answer.

The template is rendered once with placeholders and cut at them, so untrusted text never passes through Jinja.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from labs_schema.errors import ModelError
from prompts.segments import Segments

ANSWER = "answerTextStandsHere"
"""The placeholder of the answer: letters only, as templates strip whitespace, and some change punctuation."""
SYSTEM_SEPARATOR = "\n\n"
"""Between the system prompt and the user turn when both share one turn."""

PINNED_DATE = datetime(2024, 7, 26)
"""Today, for a template that writes the date: training and serving render the same bytes on any day. The value is the
default of Llama 3's template."""

Ids = tuple[int, ...]
Turn = tuple[str, str]
"""Role (`system`, `user` or `assistant`) and text."""


@dataclass(frozen=True)
class ChatFormat:
    """Fixed texts of a chat template, with special tokens spelled out.

    A prompt is `before` + system prompt + `between` + user turn + `answering`; the answer is followed by `after`.
    Without a system prompt `between` is empty and `before` includes the template's default system turn, if it has one.
    `after` is empty if the template ends with the answer.
    """

    before: str
    between: str
    answering: str
    after: str


def chat_format(tokenizer: Any, *, system: bool) -> ChatFormat:
    """The format of prompts with or without a system prompt.

    If the template rejects or drops a system turn, the system prompt goes to the start of the user turn. A tokenizer
    without a chat template uses plain text after its BOS token. Raises ModelError if the template cannot be rendered or
    alters the texts.
    """
    texts = turn_texts(tokenizer, ["system", "user"] if system else ["user"])
    if texts is None and system and (alone := turn_texts(tokenizer, ["user"])):
        texts = (alone[0], SYSTEM_SEPARATOR, *alone[1:])
    if texts is None:
        raise ModelError(
            f"The chat template of tokenizer {tokenizer.name_or_path!r} does not render a user turn and an answer "
            "unchanged. Use another tokenizer, or fix its chat_template.",
            code="unsupported-tokenizer",
        )
    before, *between, answering, after = texts
    return ChatFormat(before, "".join(between), answering, after)


def chat_frames(tokenizer: Any) -> tuple[tuple[str, ...], ...]:
    """The fixed texts of prompts without and with a system prompt, as rendered; for a hash over what a prompt contains.

    Raises ModelError as `chat_format` does.
    """
    return tuple(astuple(chat_format(tokenizer, system=system)) for system in (False, True))


def encode_conversation(
    tokenizer: Any, segments: Segments, turns: Sequence[Turn], answers: Sequence[str], end: Ids
) -> tuple[Ids, Ids, tuple[Ids, ...]]:
    """Ids of the turns, of the template text before an answer, and of each answer followed by `end`.

    A system turn may only come first; if the template rejects it, it is prepended to the user turn. Turns are encoded
    as plain text: nothing in them becomes a special token. Raises ModelError if the template cannot render the roles.
    """
    texts = turn_texts(tokenizer, [role for role, _ in turns])
    if texts is None and turns[0][0] == "system" and len(turns) > 1:
        (_, system), (role, first), *rest = turns
        turns = [(role, system + SYSTEM_SEPARATOR + first), *rest]
        texts = turn_texts(tokenizer, [role for role, _ in turns])
    if texts is None:
        raise ModelError(
            f"The chat template of tokenizer {segments.name!r} cannot render the turns "
            f"{', '.join(role for role, _ in turns)}. Use another tokenizer, or remove these rows.",
            code="unsupported-tokenizer",
        )
    *starts, last, _ = texts
    ids: Ids = ()
    for number, ((_, text), start) in enumerate(zip(turns, starts, strict=True)):
        before, space = split_trailing_spaces(start)
        ids += segments.trusted(before) if number else segments.opening(before)
        ids += segments.plain(space + text)
    answering, space = split_trailing_spaces(last)
    return ids, segments.trusted(answering), tuple(segments.plain(space + answer) + end for answer in answers)


def split_trailing_spaces(text: str) -> tuple[str, str]:
    """`text` and its trailing spaces. Vocabularies have the token ` word`, so the spaces belong to the next word."""
    stripped = text.rstrip(" ")
    return stripped, text[len(stripped) :]


def turn_texts(tokenizer: Any, roles: Sequence[str]) -> tuple[str, ...] | None:
    """The template text before each turn, before the answer and after it. None if the template cannot be cut.

    The text before the answer comes from the generation prompt, unless a finished turn extends it: Llama's template
    writes a space before the answer that the generation prompt lacks.
    """
    if not getattr(tokenizer, "chat_template", None):
        return (tokenizer.bos_token or "", *(SYSTEM_SEPARATOR if role == "system" else "\n" for role in roles), "")
    placeholders = [f"turn{number}TextStandsHere" for number in range(len(roles))]
    turns = list(zip(roles, placeholders, strict=True))
    prompt = _split(_render(tokenizer, turns, generate=True), placeholders)
    finished = _split(_render(tokenizer, [*turns, ("assistant", ANSWER)], generate=False), [*placeholders, ANSWER])
    if prompt is None or finished is None:
        return None
    answering = finished[-2] if finished[-2].startswith(prompt[-1]) else prompt[-1]
    return (*prompt[:-1], answering, finished[-1])


def _render(tokenizer: Any, turns: Sequence[Turn], *, generate: bool) -> str:
    """The rendered template, empty if it raises. Templates may raise any exception, so all are caught."""
    messages = [{"role": role, "content": content} for role, content in turns]
    try:
        # Variables of a call hide the globals of the template's environment, such as its strftime_now.
        pinned = {"strftime_now": PINNED_DATE.strftime, "date_string": PINNED_DATE.strftime("%d %b %Y")}
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate, **pinned))
    except Exception:
        return ""


def _split(text: str, placeholders: Sequence[str]) -> list[str] | None:
    """`text` split at `placeholders`; None unless each occurs exactly once, in this order."""
    parts: list[str] = []
    for placeholder in placeholders:
        if text.count(placeholder) != 1:
            return None
        head, text = text.split(placeholder)
        parts.append(head)
    return [*parts, text]
