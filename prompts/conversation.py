"""Conversations of any length as token ids, in the segments of `prompts.encode`: for training rows from elsewhere.

Turns are read as plain text, so nothing in them becomes a special token. Knows no labs and no verdicts.
"""

from collections.abc import Sequence
from typing import Any

from labs_schema.errors import ModelError
from prompts.chat_format import FOLD, pieces, rendered
from prompts.segments import Segments

Ids = tuple[int, ...]
Turn = tuple[str, str]
"""Role (`system`, `user` or `assistant`) and text."""


def encode_conversation(
    tokenizer: Any, segments: Segments, turns: Sequence[Turn], answers: Sequence[str], end: Ids
) -> tuple[Ids, Ids, tuple[Ids, ...]]:
    """Ids of the turns, of what the template puts between them and an answer, and of each answer with `end`.

    A system turn comes first or not at all; one that the template refuses goes in front of the user's turn. Raises
    ModelError where the template cannot be rendered with these roles.
    """
    texts = turn_texts(tokenizer, [role for role, _ in turns])
    if texts is None and turns[0][0] == "system" and len(turns) > 1:
        (_, system), (role, first), *rest = turns
        turns = [(role, system + FOLD + first), *rest]
        texts = turn_texts(tokenizer, [role for role, _ in turns])
    if texts is None:
        raise ModelError(
            f"the chat template of tokenizer {segments.name!r} does not render turns of "
            f"{', '.join(role for role, _ in turns)}. Use another tokenizer, or leave such rows out."
        )
    ids: Ids = ()
    for number, ((_, text), template) in enumerate(zip(turns, texts, strict=False)):
        before = template.rstrip(" ")  # the spaces belong to the next word
        ids += segments.trusted(before) if number else segments.opening(before)
        ids += segments.plain(template[len(before) :] + text)
    answering = texts[-1].rstrip(" ")
    space = texts[-1][len(answering) :]
    return ids, segments.trusted(answering), tuple(segments.plain(space + answer) + end for answer in answers)


def turn_texts(tokenizer: Any, roles: Sequence[str]) -> tuple[str, ...] | None:
    """What the template writes before each turn and, last, before the answer. None where it cannot."""
    if not getattr(tokenizer, "chat_template", None):
        return (tokenizer.bos_token or "", *(FOLD if role == "system" else "\n" for role in roles))
    marks = [f"turn{number}TextStandsHere" for number in range(len(roles) + 1)]
    turns = list(zip(roles, marks, strict=False))
    prompt = pieces(rendered(tokenizer, turns, generate=True), marks[:-1])
    finished = pieces(rendered(tokenizer, [*turns, ("assistant", marks[-1])], generate=False), marks)
    if prompt is None or finished is None:
        return None
    answering = finished[-2] if finished[-2].startswith(prompt[-1]) else prompt[-1]
    return (*prompt[:-1], answering)
