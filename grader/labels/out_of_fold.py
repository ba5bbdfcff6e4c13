"""What the other students' ratings lead one to expect of each piece of work: probabilities by a model that saw neither
the student nor a near-copy of the work. Judges nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from grader.bag_of_words import WordCounter
from labs_schema.models import Lab, Submission
from training.dataset.near_copies import Sketches
from training.dataset.source_tokens import shingles
from training.dataset.splits import seeded_order

Decided = tuple[str, str, str]
"""A lab's name, a student, a criterion's title."""
Shares = Mapping[Decided, NDArray[np.float64]]
"""The probability of each rating (R,), in the rubric's order."""


def out_of_fold(
    labs: Sequence[Lab], *, folds: int = 5, seed: int = 0, progress: Callable[[int, int], None] = lambda *_: None
) -> Shares:
    """Shares for every criterion of every submission that anybody rated, where the other folds rated it at all.

    A student is in one of `folds` folds with all their work; what is a near-copy of a fold's work is not learned from
    for it. `progress` is told folds done, of all.
    """
    works = [(lab, submission) for lab in labs for submission in lab.submissions if rated(lab, submission)]
    students = sorted({submission.student for _, submission in works}, key=lambda student: seeded_order(seed, student))
    fold_of = {student: number % folds for number, student in enumerate(students)}
    fold = np.array([fold_of[submission.student] for _, submission in works])
    shares: dict[Decided, NDArray[np.float64]] = {}
    with TemporaryDirectory() as folder, Sketches(Path(folder) / "shingles") as sketches:
        for lab, submission in works:
            sketches.add(shingles((file.text for file in submission.files), lab.language))
        for number in range(folds):
            asked, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            learned = set(others.tolist()) - sketches.near_copies(others, asked)
            shares |= _answers(labs, [works[i] for i in sorted(learned)], [works[i] for i in asked])
            progress(number + 1, folds)
    return shares


def rated(lab: Lab, submission: Submission) -> bool:
    """Whether it has a rating in force, or by a TA in a file of their own."""
    return submission.student in lab.ratings_given or any(submission.student in by for by in lab.ratings_by.values())


def _answers(
    labs: Sequence[Lab], learned: Sequence[tuple[Lab, Submission]], asked: Sequence[tuple[Lab, Submission]]
) -> dict[Decided, NDArray[np.float64]]:
    counter = WordCounter()
    counter.fit([(lab, [s for of, s in learned if of is lab]) for lab in labs if any(of is lab for of, _ in learned)])
    shares = {}
    for lab in labs:
        for student, answer in counter.grade(lab, [s for of, s in asked if of is lab]):
            if answer.probabilities:
                shares[lab.name, student, answer.criterion] = np.array([*answer.probabilities.values()])
    return shares
