"""Grades as CSV in the columns of Canvas, Gradescope, GitHub Classroom, nbgrader and PrairieLearn, and for Excel.

With a template, the file that the platform exported, its rows stay and its grade column is filled.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labs_schema.errors import InputError, IssueCollector, Severity, error_issue
from labs_schema.imports.identities import row_entries
from labs_schema.imports.platform_tables import PlatformTable, number_of, read_platform_table
from labs_schema.reading.roster import folded_heading
from labs_schema.tables.csv_writer import Cell, csv_text
from serving.exports.matching import match_rows
from serving.exports.results import Results, StudentResult
from serving.exports.scores import Change, ExportReport, Policy, report


@dataclass(frozen=True)
class CsvFormat:
    """`header` without a template; `student`, `score` and `maximum` are the columns that are filled.

    `copied`: the template's columns that are written besides, all if None. An upload would change further columns, such
    as the grades of other assignments. `feedback`: the column of the comment. `percent`: the score is a percentage.
    `assignment`: the column with the assignment of each row, if the platform exports several.
    """

    header: tuple[str, ...]
    student: str
    score: str | None
    maximum: str | None
    copied: frozenset[str] | None = None
    feedback: str | None = None
    percent: bool = False
    assignment: str | None = None

    def value(self, score: float, result: StudentResult) -> float:
        """`score` as the platform counts it."""
        return round(100 * score / result.maximum, 6) if self.percent and result.maximum else score


FORMATS = {
    "canvas": CsvFormat(
        (),
        "SIS User ID",
        None,
        None,
        copied=frozenset({"student", "id", "sisuserid", "sisloginid", "rootaccount", "section"}),
    ),
    "gradescope": CsvFormat(
        ("First Name", "Last Name", "SID", "Email", "Sections", "Total Score", "Max Points", "Status"),
        "SID",
        "Total Score",
        "Max Points",
    ),
    "github-classroom": CsvFormat(
        (
            "assignment_name",
            "github_username",
            "roster_identifier",
            "student_repository_name",
            "points_awarded",
            "points_available",
        ),
        "roster_identifier",
        "points_awarded",
        "points_available",
    ),
    "prairielearn": CsvFormat(
        (),
        "uid",
        "score_perc",
        None,
        copied=frozenset({"uid", "uin", "username", "name", "role", "qid", "groupname", "uidlist", "submissionid"}),
        feedback="feedback",
        percent=True,
        assignment="qid",
    ),
    "nbgrader": CsvFormat(
        ("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "score", "max_score"),
        "student_id",
        "score",
        "max_score",
    ),
}
_ASSIGNMENT = re.compile(r".+ \(\d+\)")
_POINTS_POSSIBLE = re.compile(r"\s*points possible\s*", re.IGNORECASE)


def new_table(results: Results, policy: Policy, format_: CsvFormat) -> tuple[bytes, ExportReport]:
    """A table with a row for each student; the score is empty where there is none to write."""
    rows: list[Sequence[Cell]] = [format_.header]
    changes: dict[str, Change] = {}
    for result in results.students:
        score = policy.score(result, None)
        cells: dict[str | None, Cell] = {
            format_.student: result.student,
            format_.score: score,
            format_.maximum: result.maximum,
            "Status": "Ungraded" if score is None else "Graded",
            "assignment": results.lab,
            "assignment_name": results.lab,
        }
        rows.append([cells.get(name) for name in format_.header])
        if score is not None:
            changes[result.student] = Change(student=result.student, before="", after=f"{score:g}")
    return csv_text(rows).encode(), report(results, changes, (), 0)


def filled_table(
    data: bytes, results: Results, policy: Policy, format_: CsvFormat, column: str | None, assignment: str | None = None
) -> tuple[bytes, ExportReport]:
    """The platform's own table with its grade column filled. A student without a score keeps the cell as it is.

    `assignment`: only its rows are filled, of a table with several assignments.
    Raises InputError if the file is not a table, the column is missing, or the maxima differ.
    """
    table = given_table(data, "template")
    at = _score_column(table, format_, column)
    ids = [entry.ids if entry else () for entry in row_entries(table)]
    if assignment is not None and format_.assignment in table.header:
        of = table.header.index(format_.assignment)
        ids = [each if row[of] == assignment else () for row, each in zip(table.rows, ids, strict=True)]
    match = match_rows([each.student for each in results.students], ids)
    rows: list[list[Cell]] = [_typed(row, at) for row in table.rows]
    possible = next((number_of(row[at]) for row in table.rows if any(map(_POINTS_POSSIBLE.fullmatch, row))), None)
    maximum_at = next((i for i, name in enumerate(table.header) if name == format_.maximum), None)
    feedback_at = next((i for i, name in enumerate(table.header) if name == format_.feedback), None)
    changes: dict[str, Change] = {}
    for result in results.students:
        index = match.row_of.get(result.student)
        if index is None:
            continue
        row = table.rows[index]
        score = policy.score(result, number_of(row[maximum_at]) if maximum_at is not None else possible)
        if score is not None:
            rows[index][at] = score = format_.value(score, result)
            before = row[at]
            after = before if number_of(before) == score else f"{score:g}"
            if feedback_at is not None:
                rows[index][feedback_at] = result.feedback
            changes[result.student] = Change(student=result.student, before=before, after=after)
    shown = [i for i, name in enumerate(table.header) if i in (at, feedback_at) or _is_copied(name, format_)]
    written: list[list[Cell]] = [list(table.header), *rows]
    text = csv_text([row[i] for i in shown] for row in written)
    return text.encode(), report(results, changes, match.missing, match.unused)


def given_table(data: bytes, name: str) -> PlatformTable:
    """A table that the platform exported. Raises InputError if it is none."""
    issues = IssueCollector(name)
    table = read_platform_table(data, "", issues)
    if table is None:
        raise InputError([each for each in issues.issues() if each.severity is Severity.ERROR])
    return table


def _score_column(table: PlatformTable, format_: CsvFormat, column: str | None) -> int:
    """The column with the heading `column`, also without Canvas's `(12)` after it; else the only one that fits."""
    names = table.header
    if column is not None:
        found = [i for i, name in enumerate(names) if column in (name, re.sub(r" \(\d+\)$", "", name))]
    elif format_.score is not None:
        found = [i for i, name in enumerate(names) if name == format_.score]
    else:
        found = [i for i, name in enumerate(names) if _ASSIGNMENT.fullmatch(name)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(name for name in names if not _is_copied(name, format_) or format_.copied is None)[:300]
    hint = "Pass the column's heading with --column."
    raise InputError([error_issue("no-column", "template", found=f"the columns {listed}", hint=hint)])


def _is_copied(name: str, format_: CsvFormat) -> bool:
    return format_.copied is None or folded_heading(name) in format_.copied


def _typed(row: Sequence[str], at: int) -> list[Cell]:
    """Cells as text, but numbers in the grade column: a negative number there is no formula."""
    value = number_of(row[at])
    return [*row[:at], row[at] if value is None else value, *row[at + 1 :]]


def excel_table(results: Results, policy: Policy) -> tuple[bytes, ExportReport]:
    """`marks.csv` for Excel: a byte order mark, ids as text, and a row for each student."""
    header = ("student", "status", "total", "maximum", *results.criteria)
    rows: list[Sequence[Cell]] = [header]
    changes: dict[str, Change] = {}
    for result in results.students:
        score = policy.score(result, None)
        marks = [each.marks if policy.allows(result) else None for each in result.criteria]
        rows.append((result.student, result.state, score, result.maximum, *marks))
        if score is not None:
            changes[result.student] = Change(student=result.student, before="", after=f"{score:g}")
    return csv_text(rows, for_excel=True).encode(), report(results, changes, (), 0)
