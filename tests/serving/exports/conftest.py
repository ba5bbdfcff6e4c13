"""Result folders as `grader regrade --out` writes them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.models import Lab
from serving.jobs.results.marks_table import MARKS, write_marks
from serving.jobs.results.results import Result

PROVENANCE = Provenance(**dict.fromkeys(Provenance.model_fields, "x"))
WriteResults = Callable[..., Path]


def write_accepted(lab: Lab, ratings: dict[str, dict[str, str]], folder: Path, reasoning: str | None = None) -> Path:
    """Results with `ratings` (student -> criterion -> rating), all accepted."""
    results = []
    for student, rated in ratings.items():
        grades = [
            CriterionGrade(
                criterion=each.title,
                rating=rated[each.title],
                marks=each.rating(rated[each.title]).marks,
                max_marks=each.max_marks,
                status=Status.ACCEPTED,
                reasoning=reasoning,
            )
            for each in lab.criteria
        ]
        grade = Grade(lab=lab.name, student=student, criteria=tuple(grades), provenance=PROVENANCE)
        results.append(Result(grade_id="", grade=grade, ratings=rated))
    return _write(lab, results, folder)


def _write(lab: Lab, results: list[Result], folder: Path) -> Path:
    folder.mkdir()
    write_marks(lab, results, folder / MARKS)
    lines = [json.dumps(each.model_dump(mode="json")) + "\n" for each in results]
    (folder / "grades.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def write_results(tmp_path: Path, make_lab: Callable[..., Lab]) -> WriteResults:
    """Writes results (maximum 3): s000 2 + 1 accepted, s001 needs review, s002 ungraded, others as s000.

    `students` renames them in order.
    """

    def write(students: tuple[str, ...] = ("s000", "s001", "s002", "s003")) -> Path:
        lab = make_lab(students=len(students))
        results = [_result(lab, student, index) for index, student in enumerate(students)]
        return _write(lab, results, tmp_path / "results")

    return write


def _result(lab: Lab, student: str, index: int) -> Result:
    grades = []
    for criterion in lab.criteria:
        rating = criterion.ratings[0]
        common = {"criterion": criterion.title, "max_marks": criterion.max_marks}
        if index == 2 and criterion is lab.criteria[1]:
            grades.append(CriterionGrade(ungraded="no readable program", **common))
            continue
        status = Status.NEEDS_REVIEW if index == 1 else Status.ACCEPTED
        reasoning = '=1+1 <b>, "fine"\nLine 2' if criterion is lab.criteria[0] else None
        grades.append(
            CriterionGrade(rating=rating.title, marks=rating.marks, status=status, reasoning=reasoning, **common)
        )
    grade = Grade(lab=lab.name, student=student, criteria=tuple(grades), provenance=PROVENANCE)
    ratings = {each.criterion: each.rating for each in grades if each.rating}
    return Result(grade_id="", grade=grade, ratings=ratings)
