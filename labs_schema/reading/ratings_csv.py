"""Parses `rubric_ratings.csv` and `rubric_comments.csv`: six header rows, then one row for each student.

Only the layout is checked here; `human_grades` interprets the students' cells.
"""

import re
from typing import NamedTuple

from labs_schema.errors import IssueCollector, quoted
from labs_schema.reading.titles import TA, rater_file, read_rater, read_title
from labs_schema.student_ids import local_part, written_id
from labs_schema.tables.delimited import Row

HEADER = ("Criterion", "Description", "Rating", "Rating description", "Marks", "Student")
"""The usual first cells of the six header rows. They are free text, except that one row must not have another row's
name: that indicates a missing row. `Student` may be in any row, above the students' column."""

_HEADER_HELP = "docs/reference/lab-format.md shows the layout."
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


class Column(NamedTuple):
    """One rating of one criterion. `position` is its index in a row's cells."""

    position: int
    criterion: str
    description: str
    rating: str
    rating_description: str
    marks: float | None


class StudentRow(NamedTuple):
    """`line` is where the row starts; `folder` is the id as written (`s1@course`); `ta` is from the TA column.

    `student` is the id in NFC until `submission_checks.with_students` replaces it by that of the lab's student.
    """

    line: int
    student: str
    folder: str
    cells: tuple[str, ...]
    ta: str | None = None


class RatingsTable(NamedTuple):
    path: str
    columns: tuple[Column, ...]
    rows: tuple[StudentRow, ...]


def parse_ratings(rows: list[Row], path: str, issues: IssueCollector) -> RatingsTable | None:
    """The table; None, with errors, if its layout is invalid."""
    if not _check_header(rows, path, issues):
        return None
    width = len(rows[0].cells)
    header = [_padded(row, width) for row in rows[:5]]
    body = [row for row in rows[len(HEADER) :] if any(row.cells)]
    uneven = [row for row in [*header, *body] if len(row.cells) != width]
    for row in uneven:
        issues.error(
            "wrong-cell-count",
            path,
            line=row.line,
            found=f"{len(row.cells)} cells",
            expected=f"{width} cells, as in the first row",
        )
    if uneven:
        return None
    ta = _ta_column([*header, _padded(rows[5], width)], path, issues)
    return RatingsTable(path, _columns(header, body, ta, path, issues), _students(body, ta, path, issues))


def _padded(row: Row, width: int) -> Row:
    """A header row that contains only its name is treated as a row of empty cells."""
    return Row(row.line, row.cells + ("",) * (width - len(row.cells))) if len(row.cells) < 2 else row


def _check_header(rows: list[Row], path: str, issues: IssueCollector) -> bool:
    def wrong(line: int, found: str, hint: str = "Add the missing row, even if its cells are empty.") -> bool:
        issues.error("wrong-header", path, line=line, found=found, hint=f"{hint} {_HEADER_HELP}")
        return False

    if len(rows) < len(HEADER):
        return wrong(rows[-1].line, f"only {len(rows)} rows")
    if len(rows[0].cells) == 1:
        separator = next((mark for mark in ";\t|" if mark in rows[0].cells[0]), None)
        if separator:
            return wrong(1, f"cells separated by {quoted(separator)}", "Save the table with commas between the cells.")
        return wrong(1, "a first row without criteria")
    names = [name.lower() for name in HEADER[:5]]
    for number, (row, name) in enumerate(zip(rows, names, strict=False)):
        first = row.cells[0].lower() if row.cells else ""
        if first != name and first in names:
            return wrong(row.line, f"the row {quoted(row.cells[0])} as row {number + 1}")
    last = rows[5].cells
    if last and ("@" in last[0] or (len(last) > 1 and set(last[1:]) <= {"0", "1"})):
        return wrong(rows[5].line, "a student in row 6")
    return True


def _ta_column(header: list[Row], path: str, issues: IssueCollector) -> int | None:
    """The index of the column headed `TA` in its first or sixth row and otherwise empty. The sixth row may be short."""
    found = []
    for index in range(1, len(header[0].cells)):
        first, *between, last = ("".join(row.cells[index : index + 1]).lower() for row in header)
        if TA in (first, last) and first in (TA, "") and not any(between):
            found.append(index)
    if len(found) > 1:
        issues.error(
            "duplicate-ta",
            path,
            line=header[0].line,
            found=f"a second TA column, column {found[1] + 1}",
            hint=f"Delete one. Save a second TA's ratings as {rater_file('<name>')}.",
        )
    return found[0] if found else None


def _columns(
    header: list[Row], body: list[Row], ta: int | None, path: str, issues: IssueCollector
) -> tuple[Column, ...]:
    columns: dict[tuple[str, str], Column] = {}
    for index in range(1, len(header[0].cells)):
        if index == ta or not any(row.cells[index] for row in (*header, *body)):
            continue
        column = _column(index, header, path, issues)
        pair = (column.criterion, column.rating)
        if all(pair) and columns.setdefault(pair, column) is not column:
            issues.error(
                "duplicate-rating",
                path,
                line=header[2].line,
                found=f"a second column for rating {quoted(column.rating)} of {quoted(column.criterion)}, "
                f"column {index + 1}",
            )
    return tuple(columns.values())


def _column(index: int, header: list[Row], path: str, issues: IssueCollector) -> Column:
    where = f"column {index + 1}"
    criterion, description, rating, rating_description, marks = (row.cells[index] for row in header)
    return Column(
        index,
        read_title(criterion, path, where, header[0].line, issues),
        description,
        read_title(rating, path, where, header[2].line, issues),
        rating_description,
        _marks(marks, path, where, header[4].line, issues),
    )


def _marks(written: str, path: str, where: str, line: int, issues: IssueCollector) -> float | None:
    if not written:
        return None
    if _NUMBER.fullmatch(written) and float(written) <= 1e6:
        return float(written)
    issues.error(
        "bad-marks",
        path,
        line=line,
        found=f"marks {quoted(written)} in {where}",
        expected="a number from 0 to 1,000,000 such as 2 or 1.5, or an empty cell",
        hint="Use a decimal point and no unit.",
    )
    return None


def _students(body: list[Row], ta: int | None, path: str, issues: IssueCollector) -> tuple[StudentRow, ...]:
    rows: dict[str, StudentRow] = {}
    for line, cells in body:
        rater = None if ta is None else read_rater(cells[ta], path, line, issues)
        row = StudentRow(line, written_id(cells[0]), cells[0], cells, rater)
        if not local_part(row.student) or not row.folder.isprintable():
            issues.error(
                "empty-student",
                path,
                line=line,
                found=f"the student id {quoted(cells[0])}",
                expected="an id such as s1@course in the first cell",
                hint="Enter the student's id, or delete the row.",
            )
        elif rows.setdefault(row.student, row) is not row:
            issues.error(
                "duplicate-student",
                path,
                line=line,
                found=f"a second row for student {quoted(row.student)}, after line {rows[row.student].line}",
                expected="one row for each student",
                hint="Delete the row that does not apply.",
            )
    return tuple(rows.values())
