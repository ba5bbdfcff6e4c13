"""Rules over submissions and ratings together: who has both, who handed in the same, who handed in the template.

Knows no files; everything here is a warning.
"""

from collections.abc import Iterable, Sequence, Set

from labs_schema.errors import IssueCollector, quoted, quoted_list
from labs_schema.hashes import canonical_hash
from labs_schema.models import SourceFile, Submission
from labs_schema.reading.ratings_csv import RatingsTable, StudentRow

FOLDER = "submissions"


def check_students(students: Iterable[str], table: RatingsTable, issues: IssueCollector) -> None:
    """Warns of `students` without a row in the ratings table and of rows without a submission."""
    submitted = set(students)
    rated = {row.student for row in table.rows}
    for row in table.rows:
        check_row(row, submitted, table.path, issues)
    for student in sorted(submitted - rated):
        issues.warning(
            "submission-without-ratings",
            table.path,
            found=f"no row for {quoted(student)}",
            expected="a row for every submission",
            hint="It can be graded, and is not learned from.",
        )


def check_row(row: StudentRow, students: Set[str], path: str, issues: IssueCollector) -> None:
    """Warns of a row of a ratings table without a submission; `students` have one."""
    if row.student not in students:
        issues.warning(
            "student-without-submission",
            path,
            line=row.line,
            found=f"ratings of {quoted(row.student)} and no submission",
            expected=f"{FOLDER}/{row.folder}/",
            hint="The ratings are not used; put the submission there if it is lost.",
        )


def check_comments(comments: RatingsTable, table: RatingsTable, issues: IssueCollector) -> None:
    """Warns of columns and rows of the comments table that the ratings table does not have."""
    columns = {(column.criterion, column.rating) for column in table.columns}
    students = {row.student for row in table.rows}
    unknown = [
        f"rating {quoted(column.rating)} of {quoted(column.criterion)}"
        for column in comments.columns
        if (column.criterion, column.rating) not in columns
    ]
    unknown += [f"student {quoted(row.student)}" for row in comments.rows if row.student not in students]
    for what in unknown:
        issues.warning(
            "comment-without-rating",
            comments.path,
            found=f"{what}, which {table.path} does not have",
            expected=f"the columns and students of {table.path}",
            hint="Its comments are left out; check the spelling.",
        )


def check_copies(submissions: Sequence[Submission], template: Sequence[SourceFile], issues: IssueCollector) -> None:
    """Warns of submissions with equal texts, and of those whose every file is one of the template's, blanks apart."""
    given = {" ".join(file.text.split()) for file in template}
    alike: dict[str, list[str]] = {}
    for submission in submissions:
        if all(" ".join(file.text.split()) in given for file in submission.files):
            issues.warning(
                "untouched-template",
                f"{FOLDER}/{submission.folder}",
                found="the template as it was handed out",
                expected="a student's own work",
                hint="Nothing to do; the submission is kept.",
            )
        alike.setdefault(canonical_hash(sorted(file.text for file in submission.files)), []).append(submission.folder)
    for folders in alike.values():
        if len(folders) > 1:
            issues.warning(
                "identical-submissions",
                f"{FOLDER}/{folders[0]}",
                found=f"{len(folders)} submissions with the same text: {quoted_list(folders)}",
                expected="work that differs",
                hint="They are kept, and never split between training and test.",
            )
