"""`rubric_ratings.csv` and `rubric_comments.csv` to a table: six header rows, then a row a student.

Reads the form only; what a cell means for a grade is told in `human_grades`. Knows no rubric and no submissions.
"""

import re
from typing import NamedTuple

from labs_schema.errors import IssueCollector, quoted
from labs_schema.reading.csv_rows import CsvRow, read_rows
from labs_schema.reading.titles import TA, rater_file, read_rater, read_title
from labs_schema.submissions.file_names import student_id

HEADER = ("Criterion", "Description", "Rating", "Rating description", "Marks", "Student")
"""What the first cells of the six header rows usually say. They are free, but must not say another row's name: a table
with a row too few shows so. `Student` may stand above the students' column, in any row."""

_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


class Column(NamedTuple):
    """One rating of one criterion. `place` is its index in a row's cells."""

    place: int
    criterion: str
    description: str
    rating: str
    rating_description: str
    marks: float | None


class StudentRow(NamedTuple):
    """`line` is where the row begins in the file; `folder` is the id as written, `s1@course`.

    `ta` is who graded the row, where a `TA` column says it.
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


def parse_ratings(text: str, path: str, longest_line: int, issues: IssueCollector) -> RatingsTable | None:
    """The table, None where its form is too broken to read on. `longest_line` in characters."""
    rows = read_rows(text, path, longest_line, issues)
    if rows is None or not _good_header(rows, path, issues):
        return None
    width = len(rows[0].cells)
    header = [_filled(row, width) for row in rows[:5]]
    body = [row for row in rows[len(HEADER) :] if any(row.cells)]
    uneven = [row for row in [*header, *body] if len(row.cells) != width]
    for row in uneven:
        issues.error(
            "wrong-cell-count",
            path,
            line=row.line,
            found=f"{len(row.cells)} cells",
            expected=f"{width}, as in the first row",
            hint="Look for a missing or stray comma or quote in this row.",
        )
    if uneven:
        return None
    ta = _ta_column([*header, _filled(rows[5], width)], path, issues)
    return RatingsTable(path, _columns(header, body, ta, path, issues), _students(body, ta, path, issues))


def _filled(row: CsvRow, width: int) -> CsvRow:
    """A header row of nothing but its name, as one that is empty all along."""
    return CsvRow(row.line, row.cells + ("",) * (width - len(row.cells))) if len(row.cells) < 2 else row


def _good_header(rows: list[CsvRow], path: str, issues: IssueCollector) -> bool:
    def wrong(line: int, found: str, hint: str = "Put the missing row in, even if its cells stay empty.") -> bool:
        issues.error(
            "wrong-header",
            path,
            line=line,
            found=found,
            expected="six header rows: criterion, description, rating, rating description, marks, and a free row",
            hint=f"{hint} See docs/reference/lab-format.md.",
        )
        return False

    if len(rows) < len(HEADER):
        return wrong(rows[-1].line, f"only {len(rows)} rows")
    if len(rows[0].cells) == 1:
        other = next((mark for mark in ";\t|" if mark in rows[0].cells[0]), None)
        if other:
            return wrong(1, f"one cell a row, split by {quoted(other)}", "Save the table with commas between cells.")
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


def _ta_column(header: list[CsvRow], path: str, issues: IssueCollector) -> int | None:
    """The index of the column whose first or sixth row says `TA`, and its others nothing; the sixth may be short."""
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
            found=f"a TA column again, in column {found[1] + 1}",
            expected="one column that says who graded",
            hint=f"Keep one; ratings of a second TA go into a file of their own, {rater_file('name')}.",
        )
    return found[0] if found else None


def _columns(
    header: list[CsvRow], body: list[CsvRow], ta: int | None, path: str, issues: IssueCollector
) -> tuple[Column, ...]:
    columns: dict[tuple[str, str], Column] = {}
    for index in range(1, len(header[0].cells)):
        if index == ta or not any(row.cells[index] for row in (*header, *body)):
            continue
        where = f"column {index + 1}"
        written, description, rated, rating_description, marks = (row.cells[index] for row in header)
        criterion = read_title(written, path, where, header[0].line, issues)
        rating = read_title(rated, path, where, header[2].line, issues)
        column = Column(
            index,
            criterion,
            description,
            rating,
            rating_description,
            _marks(marks, path, where, header[4].line, issues),
        )
        if criterion and rating and columns.setdefault((criterion, rating), column) is not column:
            issues.error(
                "duplicate-rating",
                path,
                line=header[2].line,
                found=f"rating {quoted(rating)} of {quoted(criterion)} again, in {where}",
                expected="one column a rating",
                hint="Rename the rating or the criterion, or delete the column.",
            )
    return tuple(columns.values())


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
        expected="a number from 0 on, such as 2 or 1.5, or an empty cell",
        hint="Write the number with a point and without a unit.",
    )
    return None


def _students(body: list[CsvRow], ta: int | None, path: str, issues: IssueCollector) -> tuple[StudentRow, ...]:
    rows: dict[str, StudentRow] = {}
    for line, cells in body:
        rater = None if ta is None else read_rater(cells[ta], path, line, issues)
        row = StudentRow(line, student_id(cells[0]), cells[0], cells, rater)
        if not row.student or not row.folder.isprintable():
            issues.error(
                "empty-student",
                path,
                line=line,
                found=f"the student {quoted(cells[0])}",
                expected="an id such as s1@course in the first cell",
                hint="Fill in the id, or delete the row.",
            )
        elif rows.setdefault(row.student, row) is not row:
            issues.error(
                "duplicate-student",
                path,
                line=line,
                found=f"student {quoted(row.student)} again, first in line {rows[row.student].line}",
                expected="one row a student",
                hint="Keep the row that counts.",
            )
    return tuple(rows.values())
