"""How each TA rates beside what is expected and beside the other TAs, and which of them stand out. Knows no files."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.labels.out_of_fold import Decided, Shares
from grader.labels.ta_tests import TaTests, Work, holm, ta_tests
from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Lab

ALARM = 0.01
"""A corrected p-value below it is an alarm: of a hundred courses whose TAs rate alike, one at most has one."""
FLOOR = 0.05
"""Added to probabilities before their logarithm: a single surprise does not decide."""
FEWEST, CONSTANT, ROOM = 8, 0.95, 0.8
"""To say that a TA always gives a rating: from so many labels on, of which so many are that rating, where no more than
so many were expected to be."""


class Ta(Frozen):
    """`agreement`: the share of the `decisions` where the TA gave the rating expected most; `others_agreement`: the
    same of all other TAs. `common`: how many ratings other TAs gave of the same, `with_others`: the share of equal
    ones. `shift`: marks a criterion above (+) what is expected, beside the other TAs, None without marks.

    The p-values are of `ta_tests`, corrected for all TAs and tests by Holm. `alarms`: in words; empty for most TAs.
    """

    rater: str
    decisions: int
    agreement: float
    others_agreement: float | None
    common: int
    with_others: float | None
    shift: float | None
    p_unlikely: float
    p_monotone: float
    p_apart: float
    alarms: tuple[str, ...] = ()


class _Rated:
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


def tas(labs: Sequence[Lab], shares: Shares, given: Mapping[str, Mapping[Decided, str]]) -> tuple[Ta, ...]:
    """A line for each TA of `given` (rater -> decision -> rating), those with alarms first, then by name."""
    criteria = {(lab.name, criterion.title): criterion for lab in labs for criterion in lab.criteria}
    rated = {
        rater: [
            _Rated(decided, criteria[decided[0], decided[2]], rating, shares[decided])
            for decided, rating in ratings.items()
            if decided in shares
        ]
        for rater, ratings in given.items()
    }
    rated = {rater: each for rater, each in rated.items() if each}
    if not rated:
        return ()
    lines = []
    for rater, found in _judged(rated).items():
        mine = rated[rater]
        theirs = [each for other, ratings in rated.items() if other != rater for each in ratings]
        line = Ta(
            rater=rater,
            decisions=len(mine),
            agreement=float(np.mean([each.agrees for each in mine])),
            others_agreement=float(np.mean([each.agrees for each in theirs])) if theirs else None,
            **_with_others(rater, given),
            shift=found.shift if any(each.marks is not None for each in mine) else None,
            p_unlikely=found.unlikely,
            p_monotone=found.monotone,
            p_apart=found.apart,
        )
        lines.append(line.model_copy(update={"alarms": _alarms(line, mine)}))
    return tuple(sorted(lines, key=lambda line: (not line.alarms, line.rater)))


class _Judged(NamedTuple):
    """A TA's p-values, corrected, and the shift in marks."""

    unlikely: float
    monotone: float
    apart: float
    shift: float


def _judged(rated: Mapping[str, Sequence[_Rated]]) -> dict[str, _Judged]:
    """Each TA beside those who rate alike: one who stands out is set aside, the strongest first, and the others are
    judged anew. Otherwise one TA's odd ratings would make another look odd."""
    judged: dict[str, _Judged] = {}
    left = dict(rated)
    while left:
        tests = _tests(left)
        corrected = holm(np.array([tests.unlikely, tests.monotone, tests.apart]))
        found = {
            rater: _Judged(float(unlikely), float(monotone), float(apart), float(shift))
            for rater, unlikely, monotone, apart, shift in zip(left, *corrected, tests.shift, strict=True)
        }
        strength = {rater: tests.strength[number] for number, rater in enumerate(left) if min(found[rater][:3]) < ALARM}
        out = [max(strength, key=lambda rater: strength[rater])] if strength else [*left]
        for rater in out:
            judged[rater] = found[rater]
            del left[rater]
    return {rater: judged[rater] for rater in rated}


def _tests(rated: Mapping[str, Sequence[_Rated]]) -> TaTests:
    """The permutation tests over whole works: residuals from each criterion's mean, and which ratings were given."""
    everything = [each for ratings in rated.values() for each in ratings]
    likely, marks = defaultdict(list), defaultdict(list)
    for each in everything:
        likely[_part(each)].append(each.likely)
        marks[_part(each)].append(each.marks or 0.0)
    usual_likely = {part: float(np.mean(each)) for part, each in likely.items()}
    usual_marks = {part: float(np.mean(each)) for part, each in marks.items()}
    cells = {cell: number for number, cell in enumerate(sorted({(*_part(each), each.given) for each in everything}))}
    parts = {part: number for number, part in enumerate(sorted(likely))}
    labs = {lab: number for number, lab in enumerate(sorted({part[0] for part in parts}))}
    works: list[Work] = []
    for ta, ratings in enumerate(rated.values()):
        by_work: dict[tuple[str, str], list[_Rated]] = {}
        for each in ratings:
            by_work.setdefault(each.decided[:2], []).append(each)
        for (lab, _), group in by_work.items():
            works.append(
                Work(
                    labs[lab],
                    ta,
                    len(group),
                    sum(each.likely - usual_likely[_part(each)] for each in group),
                    sum((each.marks or 0.0) - usual_marks[_part(each)] for each in group),
                    tuple(cells[*_part(each), each.given] for each in group),
                )
            )
    return ta_tests(works, len(rated), [parts[cell[:2]] for cell in cells])


def _part(rated: _Rated) -> tuple[str, str]:
    return rated.decided[0], rated.decided[2]


def _with_others(rater: str, given: Mapping[str, Mapping[Decided, str]]) -> dict[str, float | int | None]:
    mine = given[rater]
    equal = [
        mine[decided] == rating
        for other, ratings in given.items()
        if other != rater
        for decided, rating in ratings.items()
        if decided in mine
    ]
    return {"common": len(equal), "with_others": float(np.mean(equal)) if equal else None}


def _alarms(line: Ta, mine: Sequence[_Rated]) -> tuple[str, ...]:
    """What stands out, in words."""
    constant = _always(mine) if min(line.p_unlikely, line.p_monotone) < ALARM else []
    inverts = line.p_unlikely < ALARM and _explanation(mine) == "inverted"
    found = ["inverts ratings"] * (inverts and not constant) + constant
    if line.p_unlikely < ALARM and not found:
        found.append("rates unlike the others")
    if line.p_apart < ALARM and line.shift and not inverts:
        found.append(f"{'more lenient' if line.shift > 0 else 'stricter'} by {abs(line.shift):.2f} marks a criterion")
    if line.p_monotone < ALARM and not found:
        found.append("gives the same ratings more often than others")
    return tuple(found)


def _explanation(mine: Sequence[_Rated]) -> str:
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


def _always(mine: Sequence[_Rated]) -> list[str]:
    """`always gives X of criterion` for each criterion where that holds and was not to be expected."""
    by_criterion: dict[str, list[_Rated]] = {}
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
