"""A rating as the text that a model writes, and that text back: `{"answer": "B", "reasoning": "..."}`.

The letter stands right after a fixed opening, so one token decides. Knows letters only: which rating a letter stands
for is the prompt's to say.
"""

import json

from labs_schema.frozen import Frozen

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
OPENING = '{"answer": "'
CLOSING = '"}'
REASONING = '", "reasoning": "'
"""What stands between the letter and the reasoning."""


class Verdict(Frozen):
    letter: str
    reasoning: str | None = None


def verdict_text(letter: str, reasoning: str | None = None) -> str:
    """One line of valid JSON. Raises ValueError where `letter` is not one of LETTERS."""
    if len(letter) != 1 or letter not in LETTERS:
        raise ValueError(f"an option's letter is one of {LETTERS[0]} to {LETTERS[-1]}, not {letter!r}")
    if reasoning is None:
        return OPENING + letter + CLOSING
    return f'{OPENING}{letter}", "reasoning": {json.dumps(reasoning, ensure_ascii=False)}}}'


def parse_verdict(text: str) -> Verdict:
    """The inverse of `verdict_text`, and of nothing else. Raises ValueError that says what is wrong."""
    if not text.startswith(OPENING):
        raise ValueError(f"a verdict begins with {OPENING}, found {text[:40]!r}")
    letter, rest = text[len(OPENING) : len(OPENING) + 1], text[len(OPENING) + 1 :]
    verdict = Verdict(letter=letter, reasoning=None if rest == CLOSING else reasoning_of(rest))
    if verdict_text(verdict.letter, verdict.reasoning) != text:
        raise ValueError(f"a verdict is written as json.dumps writes it, found {text[:80]!r}")
    return verdict


def reasoning_of(rest: str) -> str:
    """The reasoning in what follows the letter. Only ever parses a JSON string, so nesting cannot exhaust the stack."""
    if not (rest.startswith(REASONING) and rest.endswith(CLOSING)):
        raise ValueError(f"after the letter comes {CLOSING} or {REASONING}...{CLOSING}, found {rest[:40]!r}")
    reasoning = json.loads(rest[len(REASONING) - 1 : -1])
    if not isinstance(reasoning, str):
        raise ValueError(f"the reasoning is text, found {rest[:40]!r}")
    return reasoning
