"""ROUGE-L: how much of a reference text another text says in the same order (Lin 2004, section 3). Knows no grades."""

import re
from collections.abc import Sequence

WORD = re.compile(r"\w+")


def rouge_l(reference: str, written: str) -> float:
    """The F-measure (beta 1) of the longest common subsequence of words, 0 to 1, capitals alike; 0 without words."""
    wanted, found = (WORD.findall(text.lower()) for text in (reference, written))
    common = longest_common_subsequence(wanted, found)
    return 2 * common / (len(wanted) + len(found)) if common else 0.0


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Its length, by the usual table of len(first) x len(second) steps, one row at a time."""
    row = [0] * (len(second) + 1)
    for word in first:
        before = row
        row = [0]
        for place, other in enumerate(second):
            row.append(before[place] + 1 if word == other else max(before[place + 1], row[place]))
    return row[-1]
