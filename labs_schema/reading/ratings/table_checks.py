"""Warnings about tables of ratings: rows without a submission, comments without ratings."""

from collections.abc import Set

from labs_schema.errors import IssueCollector, did_you_mean, quoted
from labs_schema.reading.lab_folders import SUBMISSIONS
from labs_schema.reading.ratings.ratings_csv import RatingsTable, StudentRow
from labs_schema.student_ids import did_you_mean_id


def check_row(row: StudentRow, students: Set[str], path: str, issues: IssueCollector) -> None:
    """Warns of a row whose student is not among `students`, those with a submission."""
    if row.student not in students:
        issues.warning(
            "student-without-submission",
            path,
            line=row.line,
            found=f"ratings for student {quoted(row.student)}, who has no submission",
            expected=f"a submission {SUBMISSIONS}/{row.folder}",
            suggestion=did_you_mean_id(row.folder, students),
        )


def check_comments(comments: RatingsTable, table: RatingsTable, issues: IssueCollector) -> None:
    """Warns of columns and rows of the comments table that the ratings table does not have."""
    columns = {(column.criterion, column.rating) for column in table.columns}
    criteria = {criterion for criterion, _ in columns}
    students = {row.student for row in table.rows}
    unknown = [
        (f"rating {quoted(column.rating)} of {quoted(column.criterion)}", did_you_mean(column.criterion, criteria))
        for column in comments.columns
        if (column.criterion, column.rating) not in columns
    ]
    unknown += [(f"student {quoted(row.student)}", "") for row in comments.rows if row.student not in students]
    for what, suggestion in unknown:
        found, expected = f"{what}, missing in {table.path}", f"only columns and students of {table.path}"
        issues.warning("comment-without-rating", comments.path, found=found, expected=expected, suggestion=suggestion)
