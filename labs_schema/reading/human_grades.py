"""What the cells of the ratings and comments tables say: which rating each student was given, and why.

Knows no files. A criterion of which no rating, or several, are marked has no rating: nothing is guessed.
"""

import re
from collections.abc import Sequence

from labs_schema.errors import IssueCollector, quoted
from labs_schema.models import Criterion, HumanGrade
from labs_schema.reading.ratings_csv import Column, RatingsTable, StudentRow

GIVEN = frozenset({"1", "1.0"})
NOT_GIVEN = frozenset({"0", "0.0", ""})
NO_COMMENT = "no comments"
_NEITHER = re.compile(r"[-+]?\d+([.,]\d+)?|true|false|yes|no|y|n|x|-|na|n/a|nan|none|null", re.IGNORECASE | re.ASCII)


def is_comment(cell: str) -> bool:
    """Whether a cell holds a TA's words, rather than 1, 0, nothing or `No Comments`."""
    return cell not in GIVEN and cell not in NOT_GIVEN and cell.lower() != NO_COMMENT


def human_grades(
    criteria: Sequence[Criterion], table: RatingsTable, comments: RatingsTable | None, issues: IssueCollector
) -> tuple[HumanGrade, ...]:
    """One a row of `table` and criterion that has columns in it, in the order of rows, then of `criteria`."""
    of_criterion = _columns(table)
    commented = _columns(comments) if comments else {}
    comment_rows = {row.student: row for row in comments.rows} if comments else {}
    grades = []
    for row in table.rows:
        for criterion in criteria:
            columns = of_criterion.get(criterion.title)
            if not columns:
                continue
            rating = _rating(row, columns, table.path, issues)
            words = _words(row, columns, table.path, issues)
            if comments and row.student in comment_rows:
                words = [*words, *_words(comment_rows[row.student], commented.get(criterion.title, ()))]
            comment = _comment(rating, words, row, criterion.title, table.path, issues)
            grades.append(
                HumanGrade(student=row.student, criterion=criterion.title, rating=rating, comment=comment, rater=row.ta)
            )
    return tuple(grades)


def _columns(table: RatingsTable) -> dict[str, list[Column]]:
    columns: dict[str, list[Column]] = {}
    for column in table.columns:
        columns.setdefault(column.criterion, []).append(column)
    return columns


def _rating(row: StudentRow, columns: Sequence[Column], path: str, issues: IssueCollector) -> str | None:
    """The rating whose cell holds 1, or else the one whose cell holds words: a comment stands in the cell given."""
    cells = [(column, row.cells[column.place]) for column in columns]
    marked = [column for column, cell in cells if cell in GIVEN]
    marked = marked or [column for column, cell in cells if cell not in NOT_GIVEN]
    if len(marked) == 1:
        return marked[0].rating
    names = " and ".join(quoted(column.rating) for column in marked[:3])
    issues.warning(
        "several-ratings" if marked else "no-rating",
        path,
        line=row.line,
        found=f"{names if marked else 'no rating'} marked for {quoted(columns[0].criterion)}",
        expected="one rating marked",
        hint="It counts as not graded; mark one.",
    )
    return None


def _words(
    row: StudentRow, columns: Sequence[Column], path: str | None = None, issues: IssueCollector | None = None
) -> list[tuple[str, str]]:
    """(rating, comment) of each cell with words. Given `issues`, a cell that is neither 1, 0 nor words is an error.

    So is one that names another rating: what its writer meant is not what the table would say.
    """
    words = []
    for column in columns:
        cell = row.cells[column.place]
        if not is_comment(cell):
            continue
        words.append((column.rating, cell))
        titles = {other.rating for other in columns} - {column.rating}
        if issues and path and (_NEITHER.fullmatch(cell) or cell in titles):
            issues.error(
                "bad-cell",
                path,
                line=row.line,
                found=f"{quoted(cell)} in column {column.place + 1}",
                expected="1 where the rating was given, 0 where not, or a comment",
                hint="Write 1 or 0.",
            )
    return words


def _comment(
    rating: str | None, words: list[tuple[str, str]], row: StudentRow, criterion: str, path: str, issues: IssueCollector
) -> str | None:
    """The comment in the cell of the rating given; all of them where no rating counts."""
    fitting = list(dict.fromkeys(text for title, text in words if rating in (None, title)))
    if len(fitting) < len(dict.fromkeys(text for _, text in words)):
        issues.warning(
            "comment-elsewhere",
            path,
            line=row.line,
            found=f"a comment of {quoted(criterion)} in the cell of a rating that was not given",
            expected=f"the comment in the cell of {quoted(rating or '')}",
            hint="It is left out; move it to the rating given.",
        )
    return "\n".join(fitting) or None
