"""Decisions of heads, bag of words and the majority baseline about students that they were not trained on."""

from collections.abc import Sequence

import numpy as np

from benchmarks.heads.course import Course
from grader.bag_of_words import BagOfWords
from grader.heads.fitting import HeadSettings, RatedLab, Ratings, fit_lab_heads
from labs_schema.grades import CriterionGrade
from labs_schema.models import Criterion, Lab
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision, constant_decisions, decisions_from_answers, majority_ratings
from training.head.regression import softmax


def answer(criterion: Criterion, probabilities: Floats) -> CriterionGrade:
    titles = [rating.title for rating in criterion.ratings]
    best = int(probabilities.argmax())
    return CriterionGrade(
        criterion=criterion.title,
        rating=titles[best],
        probabilities=dict(zip(titles, probabilities.tolist(), strict=True)),
        confidence=float(probabilities[best]),
    )


def by_head(
    course: Course, kind: str, training: Sequence[Ratings], tested: Sequence[tuple[Lab, Sequence[str]]]
) -> list[Decision]:
    """`training`: the ratings of each lab to learn from. `kind`: a key of `course.features`."""
    features = course.features[kind]
    rated = [RatedLab(lab, lab.submissions, ratings) for lab, ratings in zip(course.labs, training, strict=True)]
    head, _ = fit_lab_heads(rated, features, course.base, HeadSettings())
    decisions = []
    for lab, students in tested:
        rows = [features.places[lab.name, student] for student in students]
        programs = features.of(rows)
        for criterion in lab.criteria:
            parts = head.logits(programs, lab.name, criterion, lambda t: course.base.states.means([t])[0])
            if parts:
                found = softmax(np.sum([*parts.values()], axis=0))
                answers = [(s, answer(criterion, row)) for s, row in zip(students, found, strict=True)]
                decisions += decisions_from_answers(lab, answers)
    return decisions


def by_words(
    training: Sequence[tuple[Lab, Sequence[str]]], tested: Sequence[tuple[Lab, Sequence[str]]]
) -> list[Decision]:
    def members(lab: Lab, students: Sequence[str]) -> list[object]:
        return [s for s in lab.submissions if s.student in set(students)]

    model = BagOfWords()
    model.fit([(lab, members(lab, students)) for lab, students in training])  # type: ignore[misc]
    return [
        d
        for lab, students in tested
        for d in decisions_from_answers(lab, model.grade(lab, members(lab, students)))  # type: ignore[arg-type]
    ]


def by_majority(lab: Lab, rated: Sequence[str], others: Sequence[Lab], students: Sequence[str]) -> list[Decision]:
    """The most frequent rating of the lab's rated students; without any, that of the criterion in the other labs."""
    ratings = majority_ratings(lab, rated) if rated else {}
    if not rated:
        for criterion in lab.criteria:
            same = [o for o in others if criterion.title in {c.title for c in o.criteria}]
            given = [r[criterion.title] for o in same for r in o.ratings_by_student.values() if criterion.title in r]
            ratings[criterion.title] = max((r.title for r in criterion.ratings), key=lambda title: given.count(title))
    return constant_decisions(lab, students, ratings)
