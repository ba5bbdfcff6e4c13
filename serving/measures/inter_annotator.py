"""Agreement between several TAs who rated the same submission: the level a grader can be expected to reach.

A unit is one criterion of one student's submission that at least two TAs rated.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from labs_schema.frozen import Frozen
from labs_schema.grouping import grouped_by
from labs_schema.models import Lab
from serving.measures.arrays import Floats
from serving.measures.coefficients import coincidences, krippendorff_alpha, ordinal_distance
from serving.measures.decisions import Decision, clusters_of
from serving.measures.resampling import (
    RESAMPLES,
    Estimate,
    cluster_weights,
    estimate,
    mean_of_parts,
    weighted_mean,
)


class Unit(Frozen):
    """`given`: rater -> rating, an index into the criterion's `ratings` ratings. `members`: of group work."""

    lab: str
    student: str
    criterion: str
    ratings: int
    given: dict[str, int]
    members: tuple[str, ...] = ()


class RaterFigures(Frozen):
    """One TA compared with the others on `units` units.

    `with_others`: share of units where the TA gave the others' majority rating; a k-way tie counts 1 / k.
    """

    units: int
    with_others: Estimate


class InterAnnotatorAgreement(Frozen):
    """Agreement of the TAs among themselves, with intervals over students.

    `pairwise`: share of pairs of TAs that agree, averaged over units. `alpha`: Krippendorff's alpha (ordinal), averaged
    over (lab, criterion). `grader`: share of TAs the grader agrees with, averaged over the same units and so comparable
    to `pairwise`; undefined if the grader did not answer these units.
    """

    units: int
    students: int
    pairwise: Estimate
    alpha: Estimate
    grader: Estimate
    raters: dict[str, RaterFigures]


def units_of(lab: Lab, students: Iterable[str]) -> list[Unit]:
    """The criteria of the submissions of `students` that at least two TAs rated."""
    found = []
    members = {submission.student: submission.members for submission in lab.submissions}
    for student in students:
        for criterion in lab.criteria:
            titles = [rating.title for rating in criterion.ratings]
            given = {
                rater: titles.index(ratings[student][criterion.title])
                for rater, ratings in lab.ratings_by_rater.items()
                if criterion.title in ratings.get(student, {})
            }
            if len(given) > 1:
                what = {"lab": lab.name, "criterion": criterion.title, "ratings": len(titles)}
                found.append(Unit(student=student, members=members.get(student, ()), given=given, **what))
    return found


def inter_annotator_agreement(
    units: Sequence[Unit], decisions: Iterable[Decision], *, resamples: int = RESAMPLES
) -> InterAnnotatorAgreement | None:
    """The agreement of the TAs on `units` and of the grader's `decisions` with them; None if there is no unit."""
    if not units:
        return None
    weights = cluster_weights(clusters_of(units), resamples)
    answers = {(d.lab, d.student, d.criterion): d.grader for d in decisions}
    pairwise = np.array([_agreeing_pairs(unit) for unit in units])
    grader = np.array([_agreement_with_grader(unit, answers) for unit in units])
    return InterAnnotatorAgreement(
        units=len(units),
        students=len({unit.student for unit in units}),
        pairwise=estimate(weighted_mean(weights, pairwise)),
        alpha=estimate(_alpha(units, weights)),
        grader=estimate(weighted_mean(weights, grader)),
        raters={rater: _rater(rater, units, weights) for rater in sorted({*chain(*(unit.given for unit in units))})},
    )


def majority_match(given: int, others: Sequence[int]) -> float:
    """1 / k if `given` is one of the k ratings given most often by `others`, else 0."""
    counts = np.bincount(others, minlength=given + 1)
    return float(counts[given] == counts.max()) / int((counts == counts.max()).sum())


def _agreeing_pairs(unit: Unit) -> float:
    counts = np.bincount([*unit.given.values()])
    return float((counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1)))


def _agreement_with_grader(unit: Unit, answers: dict[tuple[str, str, str], int | None]) -> float:
    key = unit.lab, unit.student, unit.criterion
    return float(np.mean([answers[key] == given for given in unit.given.values()])) if key in answers else np.nan


def _alpha(units: Sequence[Unit], weights: Floats) -> Floats:
    """Alpha averaged over (lab, criterion) under each row of `weights` (B, units), shape (B,)."""
    parts = []
    for members in grouped_by(range(len(units)), lambda i: (units[i].lab, units[i].criterion)).values():
        each = coincidences([[*units[i].given.values()] for i in members], units[members[0]].ratings)
        counted = np.einsum("bi,irc->brc", weights[:, members], each)
        parts.append((krippendorff_alpha(counted, ordinal_distance(counted)), np.ones(len(weights))))
    return mean_of_parts(parts)


def _rater(rater: str, units: Sequence[Unit], weights: Floats) -> RaterFigures:
    rated = np.array([rater in unit.given for unit in units])
    matches = [
        majority_match(unit.given[rater], [given for other, given in unit.given.items() if other != rater])
        for unit in units
        if rater in unit.given
    ]
    return RaterFigures(
        units=int(rated.sum()), with_others=estimate(weighted_mean(weights[:, rated], np.array(matches)))
    )
