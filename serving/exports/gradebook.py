"""nbgrader's `gradebook.db`: a copy with manual scores and comments for the criteria that are manually graded cells."""

import sqlite3
from contextlib import closing
from typing import NamedTuple

from labs_schema.errors import InputError, error_issue
from serving.exports.results import Results, StudentResult
from serving.exports.scores import Change, ExportReport, Policy, report

_GRADES = """
SELECT submitted_assignment.student_id, notebook.name, base_cell.name, grade.id, grade.notebook_id, grade.cell_id,
    grade.manual_score, coalesce(grade_cells.max_score, task_cells.max_score)
FROM grade JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
JOIN assignment ON assignment.id = submitted_assignment.assignment_id
JOIN base_cell ON base_cell.id = grade.cell_id JOIN notebook ON notebook.id = base_cell.notebook_id
LEFT JOIN grade_cells ON grade_cells.id = base_cell.id LEFT JOIN task_cells ON task_cells.id = base_cell.id
WHERE assignment.name = ?
"""


# A comment belongs to the solution cell, whose id differs from that of the grade cell with the same name.
_SET_COMMENT = """
UPDATE comment SET manual_comment = ? WHERE notebook_id = ? AND cell_id IN (
    SELECT same.id FROM base_cell AS same JOIN base_cell AS mine
    ON mine.name = same.name AND mine.notebook_id = same.notebook_id WHERE mine.id = ?)
"""


class _Row(NamedTuple):
    student: str
    notebook: str
    cell: str
    grade: str
    submitted: str
    cell_id: str
    score: float | None
    maximum: float | None


def filled_gradebook(
    data: bytes, results: Results, policy: Policy, assignment: str | None
) -> tuple[bytes, ExportReport]:
    """The gradebook with the scores. Scores of autograder tests are never changed, as running them again replaces them.

    Raises InputError if it is not a gradebook, or has several assignments and `assignment` is None.
    """
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(data[:18] + b"\x01\x01" + data[20:])  # see imports.nbgrader
            connection.execute("PRAGMA trusted_schema = OFF")
            name = assignment or _only_assignment(connection)
            changes, missing = _fill(connection, name, results, policy)
            connection.commit()
            return connection.serialize(), report(results, changes, missing, 0)
    except (sqlite3.Error, TypeError, ValueError) as error:
        found = f"a database that cannot be edited ({type(error).__name__})"
        raise InputError([error_issue("bad-export", "gradebook.db", found=found)]) from error


def _only_assignment(connection: sqlite3.Connection) -> str:
    names = [str(row[0]) for row in connection.execute("SELECT name FROM assignment ORDER BY name LIMIT 21")]
    if len(names) != 1:
        raise InputError([error_issue("several-assignments", "gradebook.db", found=", ".join(names) or "none")])
    return names[0]


def _fill(
    connection: sqlite3.Connection, assignment: str, results: Results, policy: Policy
) -> tuple[dict[str, Change], tuple[str, ...]]:
    """The changed totals, and the students who are not in the gradebook."""
    rows: dict[str, list[_Row]] = {}
    for row in map(_Row._make, connection.execute(_GRADES, (assignment,)).fetchall()):
        rows.setdefault(str(row.student), []).append(row)
    changes: dict[str, Change] = {}
    for result in results.students:
        if not policy.allows(result) or result.student not in rows:
            continue
        written = [(row, marks) for row in rows[result.student] if (marks := _marks(result, row)) is not None]
        for row, marks in written:
            update = "UPDATE grade SET manual_score = ?, needs_manual_grade = 0 WHERE id = ?"
            connection.execute(update, (marks, row.grade))
            _comment(connection, row, _reasoning(result, row))
        before = sum(row.score or 0 for row, _ in written)
        if written:
            after = sum(marks for _, marks in written)
            changes[result.student] = Change(student=result.student, before=f"{before:g}", after=f"{after:g}")
    return changes, tuple(each.student for each in results.students if each.student not in rows)


def _titles(row: _Row) -> tuple[str, str]:
    """The criterion that an import makes of the cell, in an assignment with one notebook or with several."""
    return row.cell, f"{row.notebook}: {row.cell}"


def _marks(result: StudentResult, row: _Row) -> float | None:
    """None for a cell that is not a criterion. Raises InputError for marks above the cell's maximum."""
    marks = next((each.marks for each in result.criteria if each.criterion in _titles(row)), None)
    if marks is not None and row.maximum is not None and marks > row.maximum:
        found, expected = f"{marks:g} marks for the cell {row.cell[:60]!a}", f"at most {row.maximum:g}"
        raise InputError([error_issue("maximum-differs", "gradebook.db", found=found, expected=expected)])
    return marks


def _reasoning(result: StudentResult, row: _Row) -> str:
    return next((each.reasoning for each in result.criteria if each.criterion in _titles(row)), "")


def _comment(connection: sqlite3.Connection, row: _Row, text: str) -> None:
    """Sets the comment of a cell; without a new text the stored one stays."""
    if text:
        connection.execute(_SET_COMMENT, (text, row.submitted, row.cell_id))
