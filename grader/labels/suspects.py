"""Lists the labels of a course that are likely wrong, most suspicious first."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

from grader.labels.label_errors import UNSURE, confident_ratings, margins, posterior, ta_accuracy
from grader.labels.out_of_fold import Expected
from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Lab
from serving.measures.arrays import Floats

MAX_PROBABILITY_GIVEN = 0.2
"""A label whose own posterior probability is higher is not listed, even if another rating is more probable."""


class SuspectLabel(Frozen):
    """A label that is likely wrong.

    `rating`: the current one, by `rater` if known, with posterior probability `probability_given`. `expected`: the
    rating that is likely right, with posterior `probability`. `others`: other TAs' ratings, by TA.
    """

    lab: str
    student: str
    criterion: str
    rating: str
    expected: str
    probability: float
    probability_given: float
    rater: str | None
    others: dict[str, str]
    why: str


class LabelNoise(Frozen):
    """Number of `labels` of a criterion of a lab, and of `suspicious` ones among them."""

    lab: str
    criterion: str
    labels: int
    suspicious: int


class _Label(NamedTuple):
    """A current label. `given`: its index in the rubric's order. `others`: other TAs' rating indices, by TA."""

    student: str
    given: int
    rater: str | None
    others: Mapping[str, int]


def suspect_labels(labs: Iterable[Lab], expected: Expected) -> tuple[tuple[SuspectLabel, ...], tuple[LabelNoise, ...]]:
    """The suspicious current labels, most suspicious first, and their number for each criterion.

    A label is suspicious if confident learning, on the posterior of `expected` and other TAs' ratings, finds another
    rating and the label's own probability is at most MAX_PROBABILITY_GIVEN. Labels that are not in `expected` are left
    out.
    """
    found: list[tuple[float, SuspectLabel]] = []
    noise = []
    for lab in labs:
        accuracy = ta_accuracy(_double_ratings(lab))
        for criterion in lab.criteria:
            labels = [
                label for label in _labels(lab, criterion) if (lab.name, label.student, criterion.title) in expected
            ]
            if not labels:
                continue
            predicted = np.array([expected[lab.name, label.student, criterion.title] for label in labels])
            updated = np.array(
                [
                    posterior(row, [*label.others.values()], accuracy)
                    for row, label in zip(predicted, labels, strict=True)
                ]
            )
            given = np.array([label.given for label in labels])
            confident = confident_ratings(updated, given)
            doubted = updated[np.arange(len(given)), given] <= MAX_PROBABILITY_GIVEN
            wrong = np.flatnonzero((confident != UNSURE) & (confident != given) & doubted)
            order = margins(updated, given)
            found += [
                (order[i], _suspect(lab, criterion, labels[i], updated[i], predicted[i], int(confident[i])))
                for i in wrong
            ]
            noise.append(LabelNoise(lab=lab.name, criterion=criterion.title, labels=len(labels), suspicious=len(wrong)))
    return tuple(suspect for _, suspect in sorted(found, key=lambda each: each[0])), tuple(noise)


def _labels(lab: Lab, criterion: Criterion) -> list[_Label]:
    index = {rating.title: number for number, rating in enumerate(criterion.ratings)}
    return [
        _Label(
            grade.student,
            index[grade.rating],
            grade.rater,
            {
                rater: index[given[grade.student][criterion.title]]
                for rater, given in lab.ratings_by_rater.items()
                if rater != grade.rater and criterion.title in given.get(grade.student, {})
            },
        )
        for grade in lab.human_grades
        if grade.criterion == criterion.title and grade.rating is not None
    ]


def _double_ratings(lab: Lab) -> list[tuple[int, int]]:
    """The rating indices of each pair of TAs who rated the same criterion of the same submission."""
    index = {(c.title, r.title): number for c in lab.criteria for number, r in enumerate(c.ratings)}
    return [
        (index[title, rating], index[title, theirs[student][title]])
        for ours, theirs in combinations(lab.ratings_by_rater.values(), 2)
        for student in ours.keys() & theirs.keys()
        for title, rating in ours[student].items()
        if title in theirs[student]
    ]


def _suspect(
    lab: Lab, criterion: Criterion, label: _Label, updated: Floats, predicted: Floats, expected: int
) -> SuspectLabel:
    titles = [rating.title for rating in criterion.ratings]
    why = f"programs with similar text are rated {titles[expected]} (probability {predicted[expected]:.2f})"
    if label.others:
        votes = [*label.others.values()]
        why += f"; {votes.count(expected)} of {len(votes)} other TAs gave {titles[expected]}"
        why += f", {votes.count(label.given)} gave {titles[label.given]}"
    return SuspectLabel(
        lab=lab.name,
        student=label.student,
        criterion=criterion.title,
        rating=titles[label.given],
        expected=titles[expected],
        probability=float(updated[expected]),
        probability_given=float(updated[label.given]),
        rater=label.rater,
        others={rater: titles[vote] for rater, vote in label.others.items()},
        why=why,
    )
