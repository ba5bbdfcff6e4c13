"""Converts the cells of the ratings and comments tables to grades: the rating and the comment of each criterion.

A criterion with no rating marked, or with several, has no rating: the reader does not guess.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from labs_schema.errors import IssueCollector, quoted
from labs_schema.grouping import grouped_by
from labs_schema.models import NOT_MET, Criterion, HumanGrade
from labs_schema.reading.ratings.cells import Kind, is_tick, is_x, kind_of, number
from labs_schema.reading.ratings.ratings_csv import Column, RatingsTable, StudentRow

NO_COMMENT = "no comments"


def is_comment(cell: str) -> bool:
    """Whether a cell contains a TA's words rather than a mark, nothing or `No Comments`."""
    return kind_of(cell) in (Kind.COMMENT, Kind.STATUS) and cell.lower() != NO_COMMENT


class CellReader(NamedTuple):
    """Reads the cells of one table.

    `x` is unclear in a table that also has ticks. In a table of points, the cell of the rating given has its marks, and
    the others are empty.
    """

    ticks: bool
    points: bool

    def kind(self, cell: str, column: Column) -> Kind:
        found = kind_of(cell)
        if self.points and (value := number(cell)):
            return Kind.GIVEN if column.marks == float(value) else Kind.UNCLEAR
        if self.ticks and is_x(cell):
            return Kind.UNCLEAR
        if found in (Kind.COMMENT, Kind.STATUS) and cell.casefold() == column.rating.casefold():
            return Kind.GIVEN
        return found


def cell_reader(table: RatingsTable) -> CellReader:
    """The reader for a table. It has points if a number other than 0 and 1 occurs, all numbers are their column's
    marks, and no cell is a mark of another notation, such as `TRUE` or a tick."""
    cells = [(column, cell) for row in table.rows for column in table.columns if (cell := row.cells[column.position])]
    values = {(column.marks, float(value)) for column, cell in cells if (value := number(cell)) is not None}
    signs = any(kind_of(cell) in (Kind.GIVEN, Kind.NOT_GIVEN) for _, cell in cells if number(cell) is None)
    points = not signs and all(marks == value for marks, value in values)
    return CellReader(
        ticks=any(is_tick(cell) for _, cell in cells), points=points and any(value not in (0, 1) for _, value in values)
    )


def human_grades(
    criteria: Sequence[Criterion], table: RatingsTable, comments: RatingsTable | None, issues: IssueCollector
) -> tuple[HumanGrade, ...]:
    """One grade for each row of `table` and criterion with columns in it, in the order of rows, then of `criteria`."""
    reader = cell_reader(table)
    if reader.points:
        issues.warning("points-for-ratings", table.path)
    columns_of = grouped_by(table.columns, lambda column: column.criterion)
    comment_columns = grouped_by(comments.columns if comments else (), lambda column: column.criterion)
    comment_rows = {row.student: row for row in comments.rows} if comments else {}
    grades = []
    for row in table.rows:
        for criterion in criteria:
            columns = columns_of.get(criterion.title)
            if not columns:
                continue
            rating = _rating(row, criterion, columns, reader, table.path, issues)
            texts = _comments(row, columns)
            if row.student in comment_rows:
                texts += _comments(comment_rows[row.student], comment_columns.get(criterion.title, ()))
            comment = _comment(rating, texts, row, criterion.title, table.path, issues)
            grades.append(
                HumanGrade(student=row.student, criterion=criterion.title, rating=rating, comment=comment, rater=row.ta)
            )
    return tuple(grades)


def is_rated(row: StudentRow, columns: Sequence[Column]) -> bool:
    """Whether a row has a mark, or a 0 for the only rating of a criterion."""
    per_criterion = Counter(column.criterion for column in columns)
    return any(
        kind_of(cell) is not Kind.NOT_GIVEN or (cell and per_criterion[column.criterion] == 1)
        for column in columns
        for cell in (row.cells[column.position],)
    )


def _rating(
    row: StudentRow,
    criterion: Criterion,
    columns: Sequence[Column],
    reader: CellReader,
    path: str,
    issues: IssueCollector,
) -> str | None:
    """The rating whose cell is marked, or else the one whose cell has a comment: TAs write it there instead."""
    kinds = [(column, reader.kind(row.cells[column.position], column)) for column in columns]
    titles = {rating.title.casefold() for rating in criterion.ratings}
    marked = [column for column, kind in kinds if kind is Kind.GIVEN]
    words = [column for column, kind in kinds if kind is Kind.COMMENT]
    unclear = [column for column, kind in kinds if kind in (Kind.UNCLEAR, Kind.STATUS)]
    unclear += [column for column in words if row.cells[column.position].casefold() in titles]
    for column in unclear:
        _report_unclear(row, column, path, issues)
    if not marked:
        marked = [column for column in words if column not in unclear]
        if len(marked) == 1:
            _check_word(row, marked[0], path, issues)
    if len(marked) == 1:
        return marked[0].rating
    if len(columns) == 1 and kinds[0][1] is Kind.NOT_GIVEN and row.cells[columns[0].position]:
        implied = [rating.title for rating in criterion.ratings if rating.title == NOT_MET != columns[0].rating]
        if implied:
            return implied[0]
    names = " and ".join(quoted(column.rating) for column in marked[:3])
    found = f"{names if marked else 'no rating'} marked for criterion {quoted(criterion.title)}"
    issues.warning("several-ratings" if marked else "no-rating", path, line=row.line, found=found)
    return None


def _report_unclear(row: StudentRow, column: Column, path: str, issues: IssueCollector) -> None:
    """Reports a cell that never is a rating: `#N/A`, `?`, another number, `late`, the title of another rating."""
    issues.warning("bad-cell", path, line=row.line, found=f"{quoted(row.cells[column.position])} in {_place(column)}")


def _check_word(row: StudentRow, column: Column, path: str, issues: IssueCollector) -> None:
    """Warns of a rating that rests on a single word, which may have meant something else."""
    cell = row.cells[column.position]
    if len(cell.split()) == 1 and cell.lower() != NO_COMMENT:
        found = f"the word {quoted(cell)} instead of 1, in {_place(column)}"
        issues.warning("word-for-rating", path, line=row.line, found=found)


def _place(column: Column) -> str:
    return f"column {column.position + 1}, rating {quoted(column.rating)} of {quoted(column.criterion)}"


def _comments(row: StudentRow, columns: Sequence[Column]) -> list[tuple[str, str]]:
    """(rating, comment) for each cell with a comment."""
    return [(column.rating, cell) for column in columns if is_comment(cell := row.cells[column.position])]


def _comment(
    rating: str | None, texts: list[tuple[str, str]], row: StudentRow, criterion: str, path: str, issues: IssueCollector
) -> str | None:
    """The comments on the given rating, joined; all comments if there is no rating."""
    used = list(dict.fromkeys(text for title, text in texts if rating in (None, title)))
    if len(used) < len(dict.fromkeys(text for _, text in texts)):
        issues.warning(
            "comment-elsewhere",
            path,
            line=row.line,
            found=f"a comment on criterion {quoted(criterion)} in the cell of another rating",
            expected=f"the comment in the cell of the rating given, {quoted(rating or '')}",
        )
    return "\n".join(used) or None
