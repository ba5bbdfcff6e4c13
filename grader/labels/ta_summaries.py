"""Summarises how each TA rates compared with expectation and with the other TAs, and raises alarms for outliers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from grader.labels.out_of_fold import Expected, RatedCriterion
from grader.labels.permutation_tests import RatedSubmission, TaTests, holm, ta_tests
from labs_schema.frozen import Frozen
from labs_schema.grouping import grouped_by
from labs_schema.models import Criterion, Lab
from serving.measures.arrays import Floats

ALARM = 0.01
"""Alarms are raised below this corrected p-value: at most one in a hundred courses has a false alarm."""
SMOOTHING = 0.05
"""Added to probabilities before taking logarithms, so that a single surprising rating does not decide."""
MIN_RATINGS, CONSTANT_SHARE, MAX_EXPECTED = 8, 0.95, 0.8
"""A TA "always gives" a rating if at least MIN_RATINGS ratings of a criterion exist, CONSTANT_SHARE of them are this
one, and at most MAX_EXPECTED of them were expected to be."""

RatingsByTa = Mapping[str, Mapping[RatedCriterion, str]]
"""TA -> criterion of a submission -> rating title."""


class TaSummary(Frozen):
    """`agreement`: share of the `decisions` in which the TA gave the most probable rating; `others_agreement`: the same
    for all other TAs. `common`: number of other TAs' ratings of the same criteria; `with_others`: share of equal ones.
    `shift`: marks above expectation for each criterion, relative to the other TAs; None without marks.

    p-values are those of `ta_tests`, corrected by Holm for all TAs and tests. `alarms`: in words, empty for most TAs.
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
    p_marks: float
    alarms: tuple[str, ...] = ()


class _Rating:
    """A TA's rating of one criterion of a submission, with the expected probabilities.

    `marks`: marks above expectation, None without marks. `likely`: probability of the rating given. `ranked` and
    `rank`: probabilities and the rating given, sorted from the best rating to the worst.
    """

    def __init__(self, rated: RatedCriterion, criterion: Criterion, rating: str, probabilities: Floats) -> None:
        self.rated, self.criterion, self.probabilities = rated, criterion, probabilities
        self.given = [each.title for each in criterion.ratings].index(rating)
        marks = [each.marks for each in criterion.ratings]
        known = np.array([each for each in marks if each is not None])
        self.marks = float(known[self.given] - probabilities @ known) if len(known) == len(marks) else None
        self.likely = float(probabilities[self.given])
        best_first = np.argsort([-(each or 0.0) for each in marks], kind="stable") if self.marks is not None else None
        self.ranked = probabilities if best_first is None else probabilities[best_first]
        self.rank = self.given if best_first is None else best_first.tolist().index(self.given)
        self.agrees = int(probabilities.argmax()) == self.given

    @property
    def cell(self) -> tuple[str, str]:
        """Lab and criterion."""
        return self.rated[0], self.rated[2]


class _Tested(NamedTuple):
    """A TA's corrected p-values and mark shift."""

    unlikely: float
    monotone: float
    marks: float
    shift: float


def ratings_by_ta(labs: Sequence[Lab]) -> RatingsByTa:
    """All ratings whose TA is known, over all labs."""
    found: dict[str, dict[RatedCriterion, str]] = {}
    for lab in labs:
        for rater, students in lab.ratings_by_rater.items():
            for student, ratings in students.items():
                for criterion, rating in ratings.items():
                    found.setdefault(rater, {})[lab.name, student, criterion] = rating
    return dict(sorted(found.items()))


def ta_summaries(labs: Sequence[Lab], expected: Expected, given: RatingsByTa) -> tuple[TaSummary, ...]:
    """One summary for each TA of `given`, those with alarms first, then by name."""
    criteria = {(lab.name, criterion.title): criterion for lab in labs for criterion in lab.criteria}
    by_ta = {
        rater: [
            _Rating(rated, criteria[rated[0], rated[2]], rating, expected[rated])
            for rated, rating in ratings.items()
            if rated in expected
        ]
        for rater, ratings in given.items()
    }
    by_ta = {rater: ratings for rater, ratings in by_ta.items() if ratings}
    if not by_ta:
        return ()
    summaries = []
    for rater, found in _tested(by_ta).items():
        mine = by_ta[rater]
        theirs = [each for other, ratings in by_ta.items() if other != rater for each in ratings]
        summary = TaSummary(
            rater=rater,
            decisions=len(mine),
            agreement=float(np.mean([each.agrees for each in mine])),
            others_agreement=float(np.mean([each.agrees for each in theirs])) if theirs else None,
            **_agreement_with_others(rater, given),
            shift=found.shift if any(each.marks is not None for each in mine) else None,
            p_unlikely=found.unlikely,
            p_monotone=found.monotone,
            p_marks=found.marks,
        )
        summaries.append(summary.model_copy(update={"alarms": _alarms(summary, mine)}))
    return tuple(sorted(summaries, key=lambda each: (not each.alarms, each.rater)))


def _tested(by_ta: Mapping[str, Sequence[_Rating]]) -> dict[str, _Tested]:
    """Tests every TA against the others. A significant outlier, strongest first, is removed and the rest re-tested:
    otherwise one TA's unusual ratings would make the others look unusual."""
    tested: dict[str, _Tested] = {}
    left = dict(by_ta)
    while left:
        tests = _tests(left)
        corrected = holm(np.array([tests.unlikely, tests.monotone, tests.marks]))
        found = {
            rater: _Tested(float(unlikely), float(monotone), float(marks), float(shift))
            for rater, unlikely, monotone, marks, shift in zip(left, *corrected, tests.shift, strict=True)
        }
        strength = {rater: tests.strength[number] for number, rater in enumerate(left) if min(found[rater][:3]) < ALARM}
        out = [max(strength, key=lambda rater: strength[rater])] if strength else [*left]
        for rater in out:
            tested[rater] = found[rater]
            del left[rater]
    return {rater: tested[rater] for rater in by_ta}


def _tests(by_ta: Mapping[str, Sequence[_Rating]]) -> TaTests:
    """The permutation tests with a submission as the unit: residuals from each criterion's mean, and ratings given."""
    everything = [each for ratings in by_ta.values() for each in ratings]
    of_cell = grouped_by(everything, lambda each: each.cell)
    mean_likely = {cell: float(np.mean([each.likely for each in found])) for cell, found in of_cell.items()}
    mean_marks = {cell: float(np.mean([each.marks or 0.0 for each in found])) for cell, found in of_cell.items()}
    cells = {cell: number for number, cell in enumerate(sorted({(*each.cell, each.given) for each in everything}))}
    criteria = {criterion: number for number, criterion in enumerate(sorted(of_cell))}
    labs = {lab: number for number, lab in enumerate(sorted({lab for lab, _ in criteria}))}
    submissions: list[RatedSubmission] = []
    for ta, ratings in enumerate(by_ta.values()):
        for (lab, _), group in grouped_by(ratings, lambda each: each.rated[:2]).items():
            submissions.append(
                RatedSubmission(
                    lab=labs[lab],
                    ta=ta,
                    criteria=len(group),
                    likely=sum(each.likely - mean_likely[each.cell] for each in group),
                    marks=sum((each.marks or 0.0) - mean_marks[each.cell] for each in group),
                    cells=tuple(cells[*each.cell, each.given] for each in group),
                )
            )
    return ta_tests(submissions, len(by_ta), [criteria[cell[:2]] for cell in cells])


def _agreement_with_others(rater: str, given: RatingsByTa) -> dict[str, float | int | None]:
    mine = given[rater]
    equal = [
        mine[rated] == rating
        for other, ratings in given.items()
        if other != rater
        for rated, rating in ratings.items()
        if rated in mine
    ]
    return {"common": len(equal), "with_others": float(np.mean(equal)) if equal else None}


def _alarms(summary: TaSummary, mine: Sequence[_Rating]) -> tuple[str, ...]:
    constant = _constant_ratings(mine) if min(summary.p_unlikely, summary.p_monotone) < ALARM else []
    inverts = summary.p_unlikely < ALARM and _likeliest_habit(mine) == "inverted"
    found = ["inverts ratings"] * (inverts and not constant) + constant
    if summary.p_unlikely < ALARM and not found:
        found.append("rates differently from the others")
    if summary.p_marks < ALARM and summary.shift and not inverts:
        direction = "more lenient" if summary.shift > 0 else "stricter"
        found.append(f"{direction} by {abs(summary.shift):.2f} marks per criterion")
    if summary.p_monotone < ALARM and not found:
        found.append("gives the same rating more often than the others")
    return tuple(found)


def _likeliest_habit(mine: Sequence[_Rating]) -> str:
    """The habit under which the TA's ratings are most likely: the expected rank, its mirror image, or one rank off."""
    habits: dict[str, Callable[[int, int], int]] = {
        "expected": lambda rank, _: rank,
        "inverted": lambda rank, last: last - rank,
        "stricter": lambda rank, last: min(rank + 1, last),
        "more lenient": lambda rank, _: max(rank - 1, 0),
    }

    def log_likelihood(habit: Callable[[int, int], int]) -> float:
        fits = [
            sum(p for rank, p in enumerate(each.ranked) if habit(rank, len(each.ranked) - 1) == each.rank)
            for each in mine
        ]
        return float(np.mean(np.log(np.array(fits) + SMOOTHING)))

    return max(habits, key=lambda name: log_likelihood(habits[name]))


def _constant_ratings(mine: Sequence[_Rating]) -> list[str]:
    """`always gives A for CRITERION` for each criterion where that holds and was not expected."""
    found = []
    for title, ratings in grouped_by(mine, lambda each: each.criterion.title).items():
        names = [each.criterion.ratings[each.given].title for each in ratings]
        usual, count = Counter(names).most_common(1)[0]
        expected = np.mean(
            [each.probabilities[[r.title for r in each.criterion.ratings].index(usual)] for each in ratings]
        )
        if len(ratings) >= MIN_RATINGS and count >= CONSTANT_SHARE * len(ratings) and expected <= MAX_EXPECTED:
            found.append(f"always gives {usual} for {title}")
    return found
