"""ROUGE-L: word overlap of two texts in order (Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries)."""

import re
from collections.abc import Sequence

WORD = re.compile(r"\w+")


def rouge_l(reference: str, written: str) -> float:
    """F-measure (beta 1) of the longest common subsequence of words, case-insensitive, 0 to 1; 0 without words
    (Lin 2004, section 3.1, eq. 2-4)."""
    expected, found = (WORD.findall(text.lower()) for text in (reference, written))
    common = longest_common_subsequence(expected, found)
    return 2 * common / (len(expected) + len(found)) if common else 0.0


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Its length, by dynamic programming, one row at a time."""
    row = [0] * (len(second) + 1)
    for word in first:
        previous = row
        row = [0]
        for column, other in enumerate(second):
            row.append(previous[column] + 1 if word == other else max(previous[column + 1], row[column]))
    return row[-1]
