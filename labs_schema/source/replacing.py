"""Replaces ranges of a text."""

from collections.abc import Iterable

Replacement = tuple[int, int, str]
"""Start and end in a text, and what replaces it."""


def replaced(text: str, pieces: Iterable[Replacement]) -> str:
    """`text` with the pieces put in; one that starts within another is left out."""
    parts, last = [], 0
    for start, end, new in sorted(pieces, key=lambda piece: (piece[0], -piece[1])):
        if start >= last:
            parts += [text[last:start], new]
            last = end
    return "".join([*parts, text[last:]])
