"""Pairs the TA's rating and the grader's rating of one criterion of one submission."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from pydantic import Field

from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Grade
from labs_schema.models import Criterion, Lab
from labs_schema.student_ids import student_clusters


class Decision(Frozen):
    """One criterion of one submission. Ratings are indices into the criterion's ratings, in the rubric's order.

    `grader`: None where the grader left the criterion ungraded. `probabilities`: the model's probability of each
    rating, empty where ungraded. `confidence`: probability of the rating given, calibrated if the model has a
    calibration. `letters`: index of the most probable letter under each option order, empty if only one was used.
    `decided`: by observations, without a model. `evidence`: those behind it. `reasons`: why the answer needs review,
    empty where it was auto-accepted. `members`: of group work, else empty.
    `human_marks` and `grader_marks`: None if the rubric has no marks.
    """

    lab: str
    language: str
    student: str
    criterion: str
    ratings: int
    human: int
    grader: int | None
    probabilities: tuple[float, ...] = ()
    confidence: float | None = None
    letters: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    members: tuple[str, ...] = Field(default=(), exclude_if=lambda members: not members)
    decided: bool = Field(default=False, exclude_if=lambda decided: not decided)
    evidence: tuple[str, ...] = Field(default=(), exclude_if=lambda evidence: not evidence)
    human_marks: float | None = None
    grader_marks: float | None = None


class OfStudents(Protocol):
    """Something about a submission of `student`, and of the other `members` of the group."""

    @property
    def student(self) -> str: ...
    @property
    def members(self) -> tuple[str, ...]: ...


def clusters_of(found: Sequence[OfStudents]) -> list[str]:
    """The cluster of each one's student: see `student_clusters`."""
    clusters = student_clusters({each.student for each in found}, {each.members for each in found})
    return [clusters[each.student] for each in found]


def decisions_from_grades(lab: Lab, grades: Iterable[Grade]) -> list[Decision]:
    """One decision for each criterion of `grades` that a TA also rated, in the order of the grades."""
    return decisions_from_answers(lab, ((grade.student, answer) for grade in grades for answer in grade.criteria))


def decisions_from_answers(lab: Lab, answers: Iterable[tuple[str, CriterionGrade]]) -> list[Decision]:
    """One decision for each (student, answer) of `answers` that a TA also rated, in order."""
    members = {submission.student: submission.members for submission in lab.submissions}
    return [
        _decision(lab, student, members.get(student, ()), answer)
        for student, answer in answers
        if answer.criterion in lab.ratings_by_student.get(student, {})
    ]


def constant_decisions(lab: Lab, students: Iterable[str], ratings: Mapping[str, str]) -> list[Decision]:
    """Decisions of a grader that gives every submission `ratings[criterion title]`."""
    answers = [_constant_answer(criterion, ratings.get(criterion.title)) for criterion in lab.criteria]
    return decisions_from_answers(lab, ((student, answer) for student in students for answer in answers))


def majority_ratings(lab: Lab, students: Iterable[str]) -> dict[str, str]:
    """criterion title -> the rating that TAs gave most often to `students`; the rubric's first on a tie."""
    counts = {c.title: {r.title: 0 for r in c.ratings} for c in lab.criteria}
    for student in students:
        for criterion, rating in lab.ratings_by_student.get(student, {}).items():
            counts[criterion][rating] += 1
    return {title: max(count, key=count.__getitem__) for title, count in counts.items() if any(count.values())}


def _constant_answer(criterion: Criterion, rating: str | None) -> CriterionGrade:
    if rating is None:
        return CriterionGrade(criterion=criterion.title, ungraded="no TA rated this criterion")
    return CriterionGrade(criterion=criterion.title, rating=rating, marks=criterion.rating(rating).marks)


def _decision(lab: Lab, student: str, members: tuple[str, ...], answer: CriterionGrade) -> Decision:
    criterion = lab.criterion(answer.criterion)
    titles = [r.title for r in criterion.ratings]
    human = lab.ratings_by_student[student][criterion.title]
    return Decision(
        lab=lab.name,
        language=lab.language,
        student=student,
        criterion=criterion.title,
        ratings=len(titles),
        human=titles.index(human),
        grader=None if answer.rating is None else titles.index(answer.rating),
        probabilities=tuple(answer.probabilities.get(title, 0.0) for title in titles) if answer.probabilities else (),
        confidence=answer.confidence,
        letters=answer.letters,
        reasons=answer.review_reasons,
        members=members,
        decided=answer.decided,
        evidence=tuple(map(str, answer.evidence)),
        human_marks=criterion.rating(human).marks,
        grader_marks=None if answer.rating is None else criterion.rating(answer.rating).marks,
    )
