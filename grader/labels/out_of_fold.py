"""Out-of-fold predictions: rating probabilities by a bag-of-words model that saw neither student nor near-copy."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from grader.bag_of_words import BagOfWords
from labs_schema.models import Lab, Submission
from labs_schema.near_copies.sketches import Sketches
from labs_schema.student_ids import student_clusters
from serving.measures.arrays import Floats
from training.dataset.splits import seeded_order

RatedCriterion = tuple[str, str, str]
"""Name of the lab, student, title of the criterion."""
Expected = Mapping[RatedCriterion, Floats]
"""The probability of each rating (R,), in the rubric's order."""


def out_of_fold(
    labs: Sequence[Lab], *, folds: int = 5, seed: int = 0, progress: Callable[[int, int], None] = lambda *_: None
) -> Expected:
    """Probabilities for every criterion of every rated submission whose criterion the other folds rated.

    All submissions of a student, and of everyone in the same groups, are in one of `folds` folds. Near-copies of a
    fold's submissions are left out of its training data. `progress` gets (folds done, of all).
    """
    rated = [(lab, submission) for lab in labs for submission in lab.submissions if is_rated(lab, submission)]
    students = [submission.student for _, submission in rated]
    cluster_of = student_clusters(students, [submission.members for _, submission in rated])
    clusters = sorted({cluster_of[student] for student in students}, key=lambda cluster: seeded_order(seed, cluster))
    fold_of = {cluster: number % folds for number, cluster in enumerate(clusters)}
    fold = np.array([fold_of[cluster_of[student]] for student in students])
    expected: dict[RatedCriterion, Floats] = {}
    with TemporaryDirectory() as folder, Sketches(Path(folder) / "shingles") as sketches:
        for lab in labs:
            sketches.add_lab(lab, {submission.student for of, submission in rated if of is lab})
        for number in range(folds):
            tested, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            training = set(others.tolist()) - sketches.near_copies(others, tested)
            expected |= _predictions(labs, [rated[i] for i in sorted(training)], [rated[i] for i in tested])
            progress(number + 1, folds)
    return expected


def is_rated(lab: Lab, submission: Submission) -> bool:
    """Whether it has a current rating, or one in a TA's own file."""
    return submission.student in lab.ratings_by_student or any(
        submission.student in by for by in lab.ratings_by_rater.values()
    )


def _predictions(
    labs: Sequence[Lab], training: Sequence[tuple[Lab, Submission]], tested: Sequence[tuple[Lab, Submission]]
) -> dict[RatedCriterion, Floats]:
    model = BagOfWords()
    model.fit([(lab, [s for of, s in training if of is lab]) for lab in labs if any(of is lab for of, _ in training)])
    found = {}
    for lab in labs:
        for student, answer in model.grade(lab, [s for of, s in tested if of is lab]):
            if answer.probabilities:
                found[lab.name, student, answer.criterion] = np.array([*answer.probabilities.values()])
    return found
