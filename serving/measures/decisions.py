"""What a TA and a grader said of the same criterion of the same work, side by side. Knows no model and no file."""

from collections.abc import Iterable, Mapping

from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Grade
from labs_schema.models import Criterion, Lab


class Decision(Frozen):
    """One criterion of one submission. Ratings are indices into the criterion's ratings, in the rubric's order.

    `grader` is None where the grader left the criterion ungraded. `probabilities`: the model's own share of every
    rating, empty where ungraded; `confidence`: how sure of `grader`, after the calibration where there is one.
    `letters`: the place of the most probable letter under each order of the ratings, empty with one order.
    `reasons`: why a person should look at it, empty where it was accepted.
    `human_marks` and `grader_marks` are None where the rubric has no marks.
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
    human_marks: float | None = None
    grader_marks: float | None = None


def decisions(lab: Lab, grades: Iterable[Grade]) -> list[Decision]:
    """The criteria of `grades` that a TA rated as well, in the grades' order."""
    return answered(lab, ((grade.student, answer) for grade in grades for answer in grade.criteria))


def answered(lab: Lab, answers: Iterable[tuple[str, CriterionGrade]]) -> list[Decision]:
    """Those of `answers`, each with its student, that a TA rated as well, in their order."""
    return [
        _decision(lab, student, lab.criterion(answer.criterion), lab.ratings_given[student], answer)
        for student, answer in answers
        if answer.criterion in lab.ratings_given.get(student, {})
    ]


def constant_decisions(lab: Lab, students: Iterable[str], ratings: Mapping[str, str]) -> list[Decision]:
    """The decisions of a grader that always gives `ratings[criterion title]`, whatever the work."""
    sheet = [_constant(criterion, ratings.get(criterion.title)) for criterion in lab.criteria]
    return answered(lab, ((student, answer) for student in students for answer in sheet))


def commonest_ratings(lab: Lab, students: Iterable[str]) -> dict[str, str]:
    """criterion title -> the rating that TAs gave most often to `students`; ties go to the rubric's first."""
    counts = {c.title: {r.title: 0 for r in c.ratings} for c in lab.criteria}
    for student in students:
        for criterion, rating in lab.ratings_given.get(student, {}).items():
            counts[criterion][rating] += 1
    return {title: max(count, key=count.__getitem__) for title, count in counts.items() if any(count.values())}


def _constant(criterion: Criterion, rating: str | None) -> CriterionGrade:
    if rating is None:
        return CriterionGrade(criterion=criterion.title, ungraded="no rating is known to be the commonest")
    return CriterionGrade(criterion=criterion.title, rating=rating, marks=criterion.rating(rating).marks)


def _decision(
    lab: Lab, student: str, criterion: Criterion, given: Mapping[str, str], answer: CriterionGrade
) -> Decision:
    titles = [r.title for r in criterion.ratings]
    human = given[criterion.title]
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
        human_marks=criterion.rating(human).marks,
        grader_marks=None if answer.rating is None else criterion.rating(answer.rating).marks,
    )
