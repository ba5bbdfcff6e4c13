"""What a TA's ratings look like beside what was expected of the same work. Knows no tests and no other TAs."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from grader.labels.out_of_fold import Decided
from labs_schema.models import Criterion

FLOOR = 0.05
"""Added to probabilities before their logarithm: a single surprise does not decide."""
FEWEST, CONSTANT, ROOM = 8, 0.95, 0.8
"""To say that a TA always gives a rating: from so many labels on, of which so many are that rating, where no more than
so many were expected to be."""


class Rated:
    """A TA's rating of one decision, with what was expected."""

    def __init__(self, decided: Decided, criterion: Criterion, rating: str, shares: NDArray[np.float64]) -> None:
        self.decided, self.criterion, self.shares = decided, criterion, shares
        self.given = [each.title for each in criterion.ratings].index(rating)
        marks = [each.marks for each in criterion.ratings]
        known = np.array([each for each in marks if each is not None])
        self.marks = float(known[self.given] - shares @ known) if len(known) == len(marks) else None
        self.likely = float(shares[self.given])
        best_first = np.argsort([-(each or 0.0) for each in marks], kind="stable") if self.marks is not None else None
        self.ranked = shares if best_first is None else shares[best_first]
        self.rank = self.given if best_first is None else best_first.tolist().index(self.given)
        self.agrees = int(shares.argmax()) == self.given


def explanation(mine: Sequence[Rated]) -> str:
    """Which habit makes the TA's ratings most likely: giving what is expected, its mirror image, or one rank off."""
    habits: dict[str, Callable[[int, int], int]] = {
        "expected": lambda rank, _: rank,
        "inverted": lambda rank, last: last - rank,
        "stricter": lambda rank, last: min(rank + 1, last),
        "more lenient": lambda rank, _: max(rank - 1, 0),
    }

    def likelihood(habit: Callable[[int, int], int]) -> float:
        fits = [
            sum(share for rank, share in enumerate(each.ranked) if habit(rank, len(each.ranked) - 1) == each.rank)
            for each in mine
        ]
        return float(np.mean(np.log(np.array(fits) + FLOOR)))

    return max(habits, key=lambda name: likelihood(habits[name]))


def always(mine: Sequence[Rated]) -> list[str]:
    """`always gives X of criterion` for each criterion where that holds and was not to be expected."""
    by_criterion: dict[str, list[Rated]] = {}
    for each in mine:
        by_criterion.setdefault(each.criterion.title, []).append(each)
    found = []
    for title, ratings in by_criterion.items():
        names = [each.criterion.ratings[each.given].title for each in ratings]
        usual, count = Counter(names).most_common(1)[0]
        expected = np.mean([each.shares[[r.title for r in each.criterion.ratings].index(usual)] for each in ratings])
        if len(ratings) >= FEWEST and count >= CONSTANT * len(ratings) and expected <= ROOM:
            found.append(f"always gives {usual} of {title}")
    return found
