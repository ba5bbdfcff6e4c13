"""Warnings across submissions and tables: missing rows, missing submissions, copies, untouched templates."""

from collections.abc import Sequence, Set

from labs_schema.errors import IssueCollector, did_you_mean, quoted, quoted_list
from labs_schema.hashes import canonical_hash
from labs_schema.models import SourceFile, Submission
from labs_schema.reading.lab_folders import SUBMISSIONS
from labs_schema.reading.ratings.ratings_csv import RatingsTable, StudentRow
from labs_schema.reading.students import Students
from labs_schema.student_ids import did_you_mean_id


def check_students(students: Students, groups: Set[str], table: RatingsTable, issues: IssueCollector) -> None:
    """Warns of submissions without a row in the ratings table and of rows without a submission.

    One row is enough for a group: of a member, or of its submission, whose id is among `groups`.
    """
    rated, submitted = {row.student for row in table.rows}, {*students.ids, *groups}
    for row in table.rows:
        check_row(row, submitted, table.path, issues)
    work = [each.students for each in students.submissions] + [(each.student,) for each in students.unreadable]
    for members in sorted(work):
        if rated.isdisjoint(members) and not (len(members) > 1 and rated & groups):
            issues.warning("submission-without-ratings", table.path, found=f"no row for student {quoted(members[0])}")


def check_row(row: StudentRow, students: Set[str], path: str, issues: IssueCollector) -> None:
    """Warns of a row whose student is not among `students`, those with a submission."""
    if row.student not in students:
        issues.warning(
            "student-without-submission",
            path,
            line=row.line,
            found=f"ratings for student {quoted(row.student)}, who has no submission",
            expected=f"a submission {SUBMISSIONS}/{row.folder}",
            hint="The student is ungraded; add the submission if it is missing."
            f"{did_you_mean_id(row.folder, students)}",
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
        issues.warning(
            "comment-without-rating",
            comments.path,
            found=f"{what}, missing in {table.path}",
            expected=f"only columns and students of {table.path}",
            hint=f"Its comments are ignored; correct the spelling.{suggestion}",
        )


def check_copies(submissions: Sequence[Submission], template: Sequence[SourceFile], issues: IssueCollector) -> None:
    """Warns of submissions with equal texts, and of those that only contain template files, white space ignored."""
    template_texts = {" ".join(file.text.split()) for file in template}
    groups: dict[str, list[str]] = {}
    for submission in submissions:
        if all(" ".join(file.text.split()) in template_texts for file in submission.files):
            issues.warning("untouched-template", f"{SUBMISSIONS}/{submission.folder}")
        groups.setdefault(canonical_hash(sorted(file.text for file in submission.files)), []).append(submission.folder)
    for folders in groups.values():
        if len(folders) > 1:
            issues.warning(
                "identical-submissions",
                f"{SUBMISSIONS}/{folders[0]}",
                found=f"{len(folders)} submissions with the same text: {quoted_list(folders)}",
            )
