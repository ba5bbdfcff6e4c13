"""The text a model writes for a rating, and its parser: `{"answer": "B", "reasoning": "..."}`.

The letter follows a fixed opening, so a single token decides the rating. `Prompt.options` maps letters to ratings.
"""

import json

from labs_schema.frozen import Frozen

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
OPENING = '{"answer": "'
CLOSING = '"}'
REASONING = '", "reasoning": "'
"""The text between the letter and the reasoning."""


class Verdict(Frozen):
    letter: str
    reasoning: str | None = None


def verdict_text(letter: str, reasoning: str | None = None) -> str:
    """One line of JSON. Raises ValueError if `letter` is not in LETTERS."""
    if len(letter) != 1 or letter not in LETTERS:
        raise ValueError(f"expected a letter from {LETTERS[0]} to {LETTERS[-1]}, found {letter!r}")
    if reasoning is None:
        return OPENING + letter + CLOSING
    return f'{OPENING}{letter}", "reasoning": {json.dumps(reasoning, ensure_ascii=False)}}}'


def parse_verdict(text: str) -> Verdict:
    """The exact inverse of `verdict_text`. Raises ValueError for any other text."""
    if not text.startswith(OPENING):
        raise ValueError(f"expected a verdict starting with {OPENING}, found {text[:40]!r}")
    letter, rest = text[len(OPENING) : len(OPENING) + 1], text[len(OPENING) + 1 :]
    verdict = Verdict(letter=letter, reasoning=None if rest == CLOSING else reasoning_of(rest))
    if verdict_text(verdict.letter, verdict.reasoning) != text:
        raise ValueError(f"expected the formatting of json.dumps, found {text[:80]!r}")
    return verdict


def reasoning_of(rest: str) -> str:
    """The reasoning after the letter. Only a JSON string is parsed, so nested input cannot exhaust the stack."""
    if not (rest.startswith(REASONING) and rest.endswith(CLOSING)):
        raise ValueError(f"expected {CLOSING} or {REASONING}...{CLOSING} after the letter, found {rest[:40]!r}")
    reasoning = json.loads(rest[len(REASONING) - 1 : -1])
    if not isinstance(reasoning, str):
        raise ValueError(f"expected a reasoning text, found {rest[:40]!r}")
    return reasoning
