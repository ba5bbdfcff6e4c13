"""What a TA and a grader said of the same criterion of the same work, side by side. Knows no model and no file."""

from collections.abc import Iterable, Mapping

from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.models import Criterion, Lab


class Decision(Frozen):
    """One criterion of one submission. Ratings are indices into the criterion's ratings, in the rubric's order.

    `grader` is None where the grader left the criterion ungraded. `confidence` is the probability of its rating.
    `human_marks` and `grader_marks` are None where the rubric has no marks.
    """

    lab: str
    student: str
    criterion: str
    ratings: int
    human: int
    grader: int | None
    confidence: float | None = None
    human_marks: float | None = None
    grader_marks: float | None = None


def decisions(lab: Lab, grades: Iterable[Grade]) -> list[Decision]:
    """The criteria of `grades` that a TA rated as well, in the grades' order."""
    found = []
    for grade in grades:
        given = lab.ratings_given.get(grade.student, {})
        for answer in grade.criteria:
            if answer.criterion in given:
                criterion = lab.criterion(answer.criterion)
                found.append(_decision(lab.name, grade.student, criterion, given, answer.rating, answer.confidence))
    return found


def constant_decisions(lab: Lab, students: Iterable[str], ratings: Mapping[str, str]) -> list[Decision]:
    """The decisions of a grader that always gives `ratings[criterion title]`, whatever the work."""
    return [
        _decision(lab.name, student, criterion, lab.ratings_given[student], ratings.get(criterion.title), None)
        for student in students
        for criterion in lab.criteria
        if criterion.title in lab.ratings_given.get(student, {})
    ]


def commonest_ratings(lab: Lab, students: Iterable[str]) -> dict[str, str]:
    """criterion title -> the rating that TAs gave most often to `students`; ties go to the rubric's first."""
    counts = {c.title: {r.title: 0 for r in c.ratings} for c in lab.criteria}
    for student in students:
        for criterion, rating in lab.ratings_given.get(student, {}).items():
            counts[criterion][rating] += 1
    return {title: max(count, key=count.__getitem__) for title, count in counts.items() if any(count.values())}


def _decision(
    lab: str,
    student: str,
    criterion: Criterion,
    given: Mapping[str, str],
    rating: str | None,
    confidence: float | None,
) -> Decision:
    titles = [r.title for r in criterion.ratings]
    human = given[criterion.title]
    return Decision(
        lab=lab,
        student=student,
        criterion=criterion.title,
        ratings=len(titles),
        human=titles.index(human),
        grader=None if rating is None else titles.index(rating),
        confidence=confidence,
        human_marks=criterion.rating(human).marks,
        grader_marks=None if rating is None else criterion.rating(rating).marks,
    )
