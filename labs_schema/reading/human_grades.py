"""Converts the cells of the ratings and comments tables to grades: the rating and the comment of each criterion.

A criterion with no rating marked, or with several, has no rating: the reader does not guess.
"""

import re
from collections.abc import Sequence

from labs_schema.errors import IssueCollector, quoted
from labs_schema.models import Criterion, HumanGrade
from labs_schema.reading.ratings_csv import Column, RatingsTable, StudentRow

MARKED = frozenset({"1", "1.0"})
UNMARKED = frozenset({"0", "0.0", ""})
NO_COMMENT = "no comments"
_AMBIGUOUS = re.compile(r"[-+]?\d+([.,]\d+)?|true|false|yes|no|y|n|x|-|na|n/a|nan|none|null", re.IGNORECASE | re.ASCII)


def is_comment(cell: str) -> bool:
    """Whether a cell contains a TA's comment rather than 1, 0, nothing or `No Comments`."""
    return cell not in MARKED and cell not in UNMARKED and cell.lower() != NO_COMMENT


def human_grades(
    criteria: Sequence[Criterion], table: RatingsTable, comments: RatingsTable | None, issues: IssueCollector
) -> tuple[HumanGrade, ...]:
    """One grade for each row of `table` and criterion with columns in it, in the order of rows, then of `criteria`."""
    columns_of = _columns_by_criterion(table)
    comment_columns = _columns_by_criterion(comments) if comments else {}
    comment_rows = {row.student: row for row in comments.rows} if comments else {}
    grades = []
    for row in table.rows:
        for criterion in criteria:
            columns = columns_of.get(criterion.title)
            if not columns:
                continue
            rating = _rating(row, columns, table.path, issues)
            texts = _comments(row, columns)
            _check_cells(row, columns, table.path, issues)
            if row.student in comment_rows:
                texts += _comments(comment_rows[row.student], comment_columns.get(criterion.title, ()))
            comment = _comment(rating, texts, row, criterion.title, table.path, issues)
            grades.append(
                HumanGrade(student=row.student, criterion=criterion.title, rating=rating, comment=comment, rater=row.ta)
            )
    return tuple(grades)


def _columns_by_criterion(table: RatingsTable) -> dict[str, list[Column]]:
    columns: dict[str, list[Column]] = {}
    for column in table.columns:
        columns.setdefault(column.criterion, []).append(column)
    return columns


def _rating(row: StudentRow, columns: Sequence[Column], path: str, issues: IssueCollector) -> str | None:
    """The rating whose cell contains 1, or else the one whose cell contains a comment: TAs write it there instead."""
    cells = [(column, row.cells[column.position]) for column in columns]
    marked = [column for column, cell in cells if cell in MARKED]
    marked = marked or [column for column, cell in cells if cell not in UNMARKED]
    if len(marked) == 1:
        return marked[0].rating
    names = " and ".join(quoted(column.rating) for column in marked[:3])
    issues.warning(
        "several-ratings" if marked else "no-rating",
        path,
        line=row.line,
        found=f"{names if marked else 'no rating'} marked for criterion {quoted(columns[0].criterion)}",
        expected="exactly one rating marked with 1",
        hint="The criterion counts as ungraded for this student; mark one rating.",
    )
    return None


def _comments(row: StudentRow, columns: Sequence[Column]) -> list[tuple[str, str]]:
    """(rating, comment) for each cell with a comment."""
    return [(column.rating, cell) for column in columns if is_comment(cell := row.cells[column.position])]


def _check_cells(row: StudentRow, columns: Sequence[Column], path: str, issues: IssueCollector) -> None:
    """Reports cells that look like comments but are not: `yes`, another number, or the title of another rating."""
    titles = {column.rating for column in columns}
    for column in columns:
        cell = row.cells[column.position]
        if is_comment(cell) and (_AMBIGUOUS.fullmatch(cell) or cell in titles - {column.rating}):
            issues.error(
                "bad-cell",
                path,
                line=row.line,
                found=f"{quoted(cell)} in column {column.position + 1}",
                hint=f"Replace it with 1 or 0. The column is rating {quoted(column.rating)} of "
                f"{quoted(column.criterion)}.",
            )


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
