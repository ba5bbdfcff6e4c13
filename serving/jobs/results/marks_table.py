"""`marks.csv`: the marks of all students by the current ratings, overrides included."""

from collections.abc import Sequence
from pathlib import Path

from labs_schema.grades import CriterionGrade, Grade, Status
from labs_schema.models import Criterion, Lab
from labs_schema.tables.csv_writer import Cell, write_csv
from serving.jobs.results.results import Result

MARKS = "marks.csv"
COLUMNS = ("student", "status", "needs_review", "ungraded", "total", "low", "high", "of", "reason")


def write_marks(lab: Lab, given: Sequence[Result], path: Path) -> None:
    """Writes a row for each of `given`, in their order, with `COLUMNS` and then a column for each criterion of `lab`.

    `needs_review` and `ungraded` count criteria; ungraded ones need review too. If a criterion is ungraded, `total` is
    empty and `low` and `high` are its range; otherwise those two are empty. A rubric without marks leaves all empty.
    `reason`: why no model graded the student.
    """
    titles = (criterion.title for criterion in lab.criteria)
    write_csv(path, [(*COLUMNS, *titles), *(_row(with_decisions(lab, each)) for each in given)])


def _row(grade: Grade) -> list[Cell]:
    review = sum(each.status is Status.NEEDS_REVIEW for each in grade.criteria)
    ungraded = sum(each.rating is None for each in grade.criteria)
    low, high = grade.marks_range or (None, None)
    reached = (None, low, high) if ungraded else (low, None, None)
    return [
        grade.student,
        Status.NEEDS_REVIEW if review else Status.ACCEPTED,
        review,
        ungraded,
        *map(_marks, (*reached, grade.max_marks)),
        _reason(grade),
        *(_marks(each.marks) for each in grade.criteria),
    ]


def _reason(grade: Grade) -> str:
    return "" if grade.provenance else next((each.ungraded for each in grade.criteria if each.ungraded), "")


def with_decisions(lab: Lab, result: Result) -> Grade:
    """The grade with people's ratings in place of the model's, its criteria in the order of `lab`. A rating that a
    person decided is accepted. Raises KeyError for a rating that the rubric of `lab` does not have."""
    answers = {answer.criterion: answer for answer in result.grade.criteria}
    criteria = (_decided(criterion, answers[criterion.title], result) for criterion in lab.criteria)
    return result.grade.model_copy(update={"criteria": tuple(criteria)})


def _decided(criterion: Criterion, answer: CriterionGrade, result: Result) -> CriterionGrade:
    """The model's answer, or the override, which needs no review."""
    if criterion.title not in result.overridden:
        return answer
    rating = criterion.rating(result.ratings[criterion.title])
    decided = {"rating": rating.title, "ungraded": None, "marks": rating.marks, "status": Status.ACCEPTED}
    return answer.model_copy(update=decided)


def _marks(marks: float | None) -> float | None:
    """Rounded, because ten times 0.1 is 0.9999999999999999."""
    return None if marks is None else round(marks, 6)
