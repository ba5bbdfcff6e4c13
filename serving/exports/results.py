"""Reads the results of a lab from the folder that `grader regrade --out` wrote."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from labs_schema.errors import InputError, IssueCollector, error_issue
from labs_schema.grades import Status
from labs_schema.imports.platform_tables import number_of
from labs_schema.tables.reader import read_table_file
from serving.feedback.feedback import evidence
from serving.jobs.results.marks_table import COLUMNS, MARKS
from serving.jobs.results.results import Result

GRADES = "grades.jsonl"


class State(StrEnum):
    """Whether a student's total may be exported."""

    ACCEPTED = "accepted"
    NEEDS_REVIEW = "needs_review"
    UNGRADED = "ungraded"


@dataclass(frozen=True)
class CriterionResult:
    """`rating` and `marks` are None if the criterion is ungraded; `marks` also if the rubric has none.

    `evidence`: the observed outcomes behind the rating that students may see.
    """

    criterion: str
    rating: str | None
    marks: float | None
    reasoning: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudentResult:
    """`total` and `maximum` are None if a criterion is ungraded or the rubric has no marks."""

    student: str
    state: State
    total: float | None
    maximum: float | None
    criteria: tuple[CriterionResult, ...]

    @property
    def feedback(self) -> str:
        """A line for each criterion: rating, marks, the explanation and the visible evidence if there are any."""
        lines = []
        for each in self.criteria:
            marks = "" if each.marks is None else f" ({each.marks:g})"
            lines.append(f"{each.criterion}: {each.rating or 'not graded'}{marks}")
            lines += [each.reasoning] if each.reasoning else []
            lines += [f"- {line}" for line in each.evidence]
        return "\n".join(lines)


@dataclass(frozen=True)
class Results:
    """All students of a lab, in the order of `marks.csv`, and its criteria."""

    lab: str
    criteria: tuple[str, ...]
    students: tuple[StudentResult, ...]


def read_results(folder: Path) -> Results:
    """Raises InputError if the folder has no results, or damaged ones."""
    issues = IssueCollector(folder.absolute().name)
    rows = read_table_file(folder / MARKS, MARKS, issues) if folder.is_dir() else None
    if not rows or rows[0].cells[: len(COLUMNS)] != COLUMNS:
        hint = "Pass the output folder of grader regrade; for several labs, the folder of one lab in it."
        raise InputError([error_issue("no-results", folder.name, found=f"no {MARKS} of a regrade", hint=hint)])
    criteria = rows[0].cells[len(COLUMNS) :]
    grades = read_grades(folder)
    students = tuple(_student(row.cells, criteria, grades.get(row.cells[0])) for row in rows[1:] if any(row.cells))
    lab = next((each.grade.lab for each in grades.values()), folder.absolute().name)
    return Results(lab, criteria, students)


def read_grades(folder: Path) -> Mapping[str, Result]:
    """The results by student; empty without the file. Raises InputError if it is damaged."""
    path = folder / GRADES
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            results = [Result.model_validate(json.loads(line)) for line in file if line.strip()]
    except (ValueError, ValidationError, RecursionError) as error:
        found = f"a damaged {GRADES} ({type(error).__name__})"
        raise InputError([error_issue("no-results", GRADES, found=found)]) from error
    return {each.grade.student: each for each in results}


def _student(cells: tuple[str, ...], criteria: tuple[str, ...], result: Result | None) -> StudentResult:
    by_name = dict(zip(COLUMNS, cells, strict=False))
    marks = dict(zip(criteria, map(number_of, cells[len(COLUMNS) :]), strict=False))
    review = by_name.get("status") != Status.ACCEPTED or by_name.get("needs_review") not in ("", "0")
    ungraded = by_name.get("ungraded") not in ("", "0") or number_of(by_name.get("total", "")) is None
    state = State.UNGRADED if ungraded else State.NEEDS_REVIEW if review else State.ACCEPTED
    return StudentResult(
        by_name["student"],
        state,
        None if ungraded else number_of(by_name["total"]),
        number_of(by_name.get("of", "")),
        tuple(_criterion(each, result, marks.get(each)) for each in criteria),
    )


def _criterion(title: str, result: Result | None, marks: float | None) -> CriterionResult:
    """A person's comment, else the model's explanation, which is left out with its evidence where a person rated
    otherwise, and where it may quote a test that students may not see."""
    found = (each for each in (result.grade.criteria if result else ()) if each.criterion == title)
    if result is None or (machine := next(found, None)) is None:
        return CriterionResult(title, result.ratings.get(title) if result else None, marks)
    rating = result.ratings.get(title)
    comment = result.comments.get(title, "")
    if machine.rating != rating:
        return CriterionResult(title, rating, marks, comment)
    quotable = all(line.visible for each in result.grade.criteria for line in each.evidence)
    reason = machine.reasoning if quotable and machine.reasoning else ""
    return CriterionResult(title, rating, marks, comment or reason, evidence(machine, None))
