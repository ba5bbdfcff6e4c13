"""The labels and the TAs of a course that are worth a second look, best first. Knows no files and no screen."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.labels.confident import UNSURE, confident_ratings, margins
from grader.labels.out_of_fold import Decided, Shares
from grader.labels.votes import believed, reliability
from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Lab

DOUBT = 0.2
"""A label that is believed with a higher probability is not listed, whatever else is more probable."""


class Suspect(Frozen):
    """A label to look at again. `rating` is in force, given by `rater` where that is known; `expected` is believed to
    be the right one with `probability`, `rating` with `probability_given`. `others`: what other TAs gave, by name."""

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


class Noise(Frozen):
    """Of the `labels` of a criterion of a lab, how many are `suspicious`."""

    lab: str
    criterion: str
    labels: int
    suspicious: int


class Label(NamedTuple):
    """A grade in force. `given` is its index in the rubric's order; `others`: what other TAs gave, by name."""

    student: str
    given: int
    rater: str | None
    others: Mapping[str, int]


def suspects(labs: Iterable[Lab], shares: Shares) -> tuple[tuple[Suspect, ...], tuple[Noise, ...]]:
    """The suspicious labels in force, the surest first, and how many there are of each criterion.

    A label is suspicious where confident learning is sure of another rating, from `shares` and from what other TAs
    gave the same work, and the one given is believed with at most DOUBT. Labels of which `shares`
    says nothing are left out.
    """
    found: list[tuple[float, Suspect]] = []
    noise = []
    for lab in labs:
        reliable = reliability(_pairs(lab))
        for criterion in lab.criteria:
            labels = [each for each in _labels(lab, criterion) if (lab.name, each.student, criterion.title) in shares]
            if not labels:
                continue
            seen = np.array([shares[lab.name, each.student, criterion.title] for each in labels])
            now = [believed(row, [*each.others.values()], reliable) for row, each in zip(seen, labels, strict=True)]
            belief, given = np.array(now), np.array([each.given for each in labels])
            sure = confident_ratings(belief, given)
            doubted = belief[np.arange(len(given)), given] <= DOUBT
            wrong = np.flatnonzero((sure != UNSURE) & (sure != given) & doubted)
            order = margins(belief, given)
            found += [(order[i], _suspect(lab, criterion, labels[i], belief[i], seen[i], int(sure[i]))) for i in wrong]
            noise.append(Noise(lab=lab.name, criterion=criterion.title, labels=len(labels), suspicious=len(wrong)))
    return tuple(suspect for _, suspect in sorted(found, key=lambda each: each[0])), tuple(noise)


def _labels(lab: Lab, criterion: Criterion) -> list[Label]:
    index = {rating.title: number for number, rating in enumerate(criterion.ratings)}
    return [
        Label(
            grade.student,
            index[grade.rating],
            grade.rater,
            {
                rater: index[given[grade.student][criterion.title]]
                for rater, given in lab.ratings_by.items()
                if rater != grade.rater and criterion.title in given.get(grade.student, {})
            },
        )
        for grade in lab.human_grades
        if grade.criterion == criterion.title and grade.rating is not None
    ]


def _pairs(lab: Lab) -> list[tuple[int, int]]:
    """Ratings by two TAs of the same criterion of the same work, as indices."""
    index = {(c.title, r.title): number for c in lab.criteria for number, r in enumerate(c.ratings)}
    return [
        (index[title, rating], index[title, theirs[student][title]])
        for ours, theirs in combinations(lab.ratings_by.values(), 2)
        for student in ours.keys() & theirs.keys()
        for title, rating in ours[student].items()
        if title in theirs[student]
    ]


def _suspect(
    lab: Lab, criterion: Criterion, label: Label, belief: NDArray[np.float64], seen: NDArray[np.float64], sure: int
) -> Suspect:
    titles = [rating.title for rating in criterion.ratings]
    why = f"work whose text is like this is rated {titles[sure]} (probability {seen[sure]:.2f})"
    if label.others:
        agree = sum(vote == sure for vote in label.others.values())
        why += f"; {agree} of {len(label.others)} other TAs gave {titles[sure]}"
        why += f", {sum(vote == label.given for vote in label.others.values())} gave {titles[label.given]}"
    return Suspect(
        lab=lab.name,
        student=label.student,
        criterion=criterion.title,
        rating=titles[label.given],
        expected=titles[sure],
        probability=float(belief[sure]),
        probability_given=float(belief[label.given]),
        rater=label.rater,
        others={rater: titles[vote] for rater, vote in label.others.items()},
        why=why,
    )


def given_by(labs: Sequence[Lab]) -> dict[str, dict[Decided, str]]:
    """rater -> what each TA that is known by name gave, over all labs."""
    found: dict[str, dict[Decided, str]] = {}
    for lab in labs:
        for rater, students in lab.ratings_by.items():
            for student, ratings in students.items():
                for criterion, rating in ratings.items():
                    found.setdefault(rater, {})[lab.name, student, criterion] = rating
    return dict(sorted(found.items()))
