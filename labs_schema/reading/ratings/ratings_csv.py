"""Parses the ratings and comments tables: six header rows, then one row for each student.

Only the layout is checked here; `human_grades` interprets the students' cells. Columns and rows that are not ratings
(totals, names, comments) are left out with a warning, because a spreadsheet of grades usually has them.
"""

from collections.abc import Sequence, Set
from itertools import pairwise
from typing import NamedTuple

from labs_schema.errors import IssueCollector, quoted, quoted_list
from labs_schema.reading.ratings.cells import Kind, kind_of, number
from labs_schema.reading.ratings.table_words import COMMENT_COLUMN, OTHER_COLUMN, SUMMARY_ROW
from labs_schema.rubrics.marks import read_marks
from labs_schema.rubrics.repeated_titles import Part, distinct_titles
from labs_schema.rubrics.rubric_text import clean_description
from labs_schema.rubrics.titles import TA, Titles, read_rater, read_title
from labs_schema.student_ids import local_part, written_id
from labs_schema.tables.delimited import Row

HEADER = ("Criterion", "Description", "Rating", "Rating description", "Marks", "Student")
"""The usual first cells of the six header rows. They are free text, except that one row must not have another row's
name: that indicates a missing row. `Student` may be in any row, above the students' column."""

_HEADER_HELP = "docs/reference/lab-format.md shows the layout."


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

    `student` is the id in NFC until `students.with_student_ids` replaces it by that of the lab's student.
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


def parse_ratings(
    rows: list[Row], path: str, issues: IssueCollector, submitted: Set[str] = frozenset()
) -> RatingsTable | None:
    """The table; None, with errors, if its layout is invalid. `submitted` are the ids of submissions."""
    if not _check_header(rows, path, issues):
        return None
    width = len(rows[0].cells)
    header = [_fitted(row, width) for row in rows[:5]]
    body = [_fitted(row, width) for row in rows[len(HEADER) :] if any(row.cells)]
    uneven = [row for row in [*header, *body] if len(row.cells) != width]
    for row in uneven:
        found, expected = f"{len(row.cells)} cells", f"{width} cells, as in the first row"
        issues.error("wrong-cell-count", path, line=row.line, found=found, expected=expected)
    if uneven:
        return None
    header.append(_fitted(rows[5], width))
    ta = _ta_column(header, path, issues)
    columns = _columns(header, body, ta, path, issues)
    return RatingsTable(path, columns, _students(body, columns, ta, submitted, path, issues))


def _fitted(row: Row, width: int) -> Row:
    """The row without empty cells beyond the width. If only the first cell has text, the others are empty cells."""
    cells = row.cells
    while len(cells) > width and not cells[-1]:
        cells = cells[:-1]
    return Row(row.line, cells + ("",) * (width - len(cells)) if not any(cells[1:]) else cells)


def _check_header(rows: list[Row], path: str, issues: IssueCollector) -> bool:
    def wrong(line: int, found: str, hint: str = "Add the missing row, even if its cells are empty.") -> bool:
        issues.error("wrong-header", path, line=line, found=found, hint=f"{hint} {_HEADER_HELP}")
        return False

    if len(rows) < len(HEADER):
        return wrong(rows[-1].line, f"only {len(rows)} rows")
    if len(rows[0].cells) < 2:
        return wrong(rows[0].line, "a first row without criteria", "Separate the cells with commas.")
    titled = [cell for cell, rating in zip(rows[0].cells, rows[2].cells, strict=False) if rating]
    if sum(bool(OTHER_COLUMN.fullmatch(cell.casefold())) for cell in titled[1:]) > 1:
        hint = "Import the export of a platform with grader import."
        return wrong(rows[0].line, "a list of students with names or totals, without a rubric", hint)
    names = [name.lower() for name in HEADER[:5]]
    for number_, (row, name) in enumerate(zip(rows, names, strict=False)):
        first = row.cells[0].lower() if row.cells else ""
        if first != name and first in names:
            return wrong(row.line, f"the row {quoted(row.cells[0])} as row {number_ + 1}")
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
        issues.error("duplicate-ta", path, line=header[0].line, found=f"a second TA column, column {found[1] + 1}")
    return found[0] if found else None


def _columns(
    header: list[Row], body: list[Row], ta: int | None, path: str, issues: IssueCollector
) -> tuple[Column, ...]:
    """The columns of ratings. Of criterion titles that look the same, the first spelling counts for all."""
    used = [
        index
        for index in range(1, len(header[0].cells))
        if index != ta and any("".join(row.cells[index : index + 1]) for row in (*header, *body))
    ]
    extra = [index for index in used if _is_extra(index, header, body)]
    if extra:
        labels = [next(filter(None, ("".join(row.cells[i : i + 1]) for row in header)), "?") for i in extra]
        issues.warning(
            "extra-column", path, line=header[0].line, found=f"columns without ratings: {quoted_list(labels)}"
        )
    columns = [_column(index, header, path, issues) for index in used if index not in extra]
    return _named_apart(_merged_cells_filled(columns), header, path, issues)


def _is_extra(index: int, header: list[Row], body: list[Row]) -> bool:
    """Whether a column has no rating title and no ratings, or the title of a column of comments."""
    rating, marks = header[2].cells[index], header[4].cells[index]
    if rating:
        return not marks and COMMENT_COLUMN.fullmatch(rating.casefold().rstrip(":")) is not None
    labels = {"".join(row.cells[index : index + 1]).casefold().rstrip(":") for row in header} - {""}
    if not labels or any(map(OTHER_COLUMN.fullmatch, labels)):
        return True
    others = {row.casefold() for position, row in enumerate(header[0].cells) if position != index and row}
    kinds = {kind_of(row.cells[index]) for row in body}
    return header[0].cells[index].casefold() not in others and Kind.GIVEN not in kinds


def _column(index: int, header: list[Row], path: str, issues: IssueCollector) -> Column:
    where = f"column {index + 1}"
    criterion, description, rating, rating_description, marks = (row.cells[index] for row in header[:5])
    return Column(
        index,
        criterion,
        clean_description(description),
        read_title(rating, path, where, header[2].line, issues),
        clean_description(rating_description),
        read_marks(marks, path, where, header[4].line, issues),
    )


def _merged_cells_filled(columns: list[Column]) -> list[Column]:
    """A spreadsheet exports merged cells as one cell with text and empty ones. They are filled if no title repeats."""
    if any(one.criterion and one.criterion == two.criterion for one, two in pairwise(columns)):
        return columns
    filled: list[Column] = []
    for column in columns:
        if filled and not column.criterion:
            description = column.description or filled[-1].description
            column = column._replace(criterion=filled[-1].criterion, description=description)
        filled.append(column)
    return filled


def _named_apart(columns: Sequence[Column], header: list[Row], path: str, issues: IssueCollector) -> tuple[Column, ...]:
    """The columns with titles that are unique: of criteria, and of ratings in their criterion."""
    titled = [
        (read_title(each.criterion, path, f"column {each.position + 1}", header[0].line, issues), each)
        for each in columns
    ]
    parts = [Part(title, each.description, each.rating) for title, each in titled if title and each.rating]
    names = distinct_titles(parts, path, header[0].line, issues)
    criteria, ratings = Titles(), dict[str, Titles]()
    unique = []
    for title, column in titled:
        if not title or not column.rating:
            continue
        criterion = criteria.add(names.get((title, column.description), title))
        titles = ratings.setdefault(criterion, Titles())
        if titles.find(column.rating) is not None:
            rating = f"rating {quoted(column.rating)} of {quoted(criterion)}"
            found = f"a second column for {rating}, column {column.position + 1}"
            issues.error("duplicate-rating", path, line=header[2].line, found=found)
            continue
        unique.append(column._replace(criterion=criterion, rating=titles.add(column.rating)))
    return tuple(unique)


def _students(
    body: list[Row], columns: Sequence[Column], ta: int | None, submitted: Set[str], path: str, issues: IssueCollector
) -> tuple[StudentRow, ...]:
    rows: dict[str, StudentRow] = {}
    for line, cells in body:
        rater = None if ta is None else read_rater(cells[ta], path, line, issues)
        row = StudentRow(line, written_id(cells[0]), cells[0], cells, rater)
        if _is_summary(row, columns, submitted):
            issues.warning("summary-row", path, line=line, found=f"the row {quoted(row.student)}")
        elif not local_part(row.student) or not row.folder.isprintable():
            issues.error("empty-student", path, line=line, found=f"the student id {quoted(cells[0])} in the first cell")
        elif rows.setdefault(row.student, row) is not row:
            found = f"a second row for student {quoted(row.student)}, after line {rows[row.student].line}"
            issues.error("duplicate-student", path, line=line, found=found)
    return tuple(rows.values())


def _is_summary(row: StudentRow, columns: Sequence[Column], submitted: Set[str]) -> bool:
    """Whether a row has averages, totals or a note. A student with such an id has a submission in `submitted`."""
    rating_cells = [row.cells[column.position] for column in columns]
    if not row.student:
        values = [number(cell) for cell in rating_cells]
        numbers = any(value not in (None, "0", "1") for value in values)
        return numbers or not {Kind.GIVEN, Kind.COMMENT} & set(map(kind_of, rating_cells))
    if {row.student, local_part(row.student)} & submitted:
        return False
    note = " " in row.student and not any(row.cells[1:])
    return note or SUMMARY_ROW.fullmatch(row.student) is not None
