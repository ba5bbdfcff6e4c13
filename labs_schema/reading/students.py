"""The students of a lab: from its submissions, tables and rosters. None is dropped: see `UnreadableSubmission`."""

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import NamedTuple

from labs_schema.errors import Issue, IssueCollector, quoted, quoted_list
from labs_schema.grouping import grouped_by
from labs_schema.hashes import canonical_hash
from labs_schema.limits import LabLimits
from labs_schema.models import NO_SUBMISSION, Person, SourceFile, Submission, UnreadableSubmission
from labs_schema.reading.groups import Groups
from labs_schema.reading.lab_folders import SUBMISSIONS
from labs_schema.reading.ratings.ratings_csv import RatingsTable, StudentRow
from labs_schema.reading.ratings.table_checks import check_row
from labs_schema.student_ids import StudentIds, local_part, written_id
from labs_schema.submissions.submissions_folder import SubmissionEntry


class Students(NamedTuple):
    """The readable submissions and the other students, each sorted by student."""

    submissions: tuple[Submission, ...]
    unreadable: tuple[UnreadableSubmission, ...]

    @property
    def written(self) -> list[tuple[str, str]]:
        """Student and folder of all of them."""
        submitted = [(student, each.folder) for each in self.submissions for student in each.students]
        return submitted + [(each.student, each.folder) for each in self.unreadable]

    @property
    def ids(self) -> list[str]:
        """The students with a submission, readable or not."""
        unreadable = [each.student for each in self.unreadable if each.code != NO_SUBMISSION]
        return [student for each in self.submissions for student in each.students] + unreadable


def read_students(
    entries: Iterable[SubmissionEntry], ids: StudentIds, groups: Groups, issues: IssueCollector
) -> Students:
    """One submission for each student or group of `entries`.

    A student with several entries is unreadable: none is preferred.
    """
    by_student = grouped_by(entries, lambda entry: ids.resolve(entry.name) or entry.name)
    groups.check(by_student.keys(), issues)
    submissions: list[Submission] = []
    unreadable: list[UnreadableSubmission] = []
    for student, (entry, *others) in by_student.items():
        fault = _report_duplicate(student, others[-1], issues) if others else entry.fault
        first, *more = members = groups.members(student)
        if fault is None:
            group = members if more else ()
            submissions.append(
                Submission(student=first, folder=entry.name, files=entry.files, members=group, unread=entry.unread)
            )
        else:
            why = {"folder": entry.name, "code": fault.code, "reason": fault.found}
            unreadable += (UnreadableSubmission(student=each, **why) for each in members)
    submissions.sort(key=lambda each: each.student)
    return Students(tuple(submissions), tuple(sorted(unreadable, key=lambda each: each.student)))


def _report_duplicate(student: str, entry: SubmissionEntry, issues: IssueCollector) -> Issue | None:
    own = issues.empty_copy()
    found, expected = f"a second submission of student {quoted(student)}", "one entry for each student"
    hint = "Delete the outdated one. Put several files of one student in a folder."
    own.error("duplicate-student", entry.where, found=found, expected=expected, hint=hint)
    return issues.reject_submission(own)


def with_student_ids(table: RatingsTable, ids: StudentIds, issues: IssueCollector) -> RatingsTable:
    """The table with the lab's students in its rows. An error for a row that may be of several students, or a second
    row of one student."""
    rows: dict[str, StudentRow] = {}
    for row in table.rows:
        student = ids.resolve(row.student)
        if student is None:
            issues.error("ambiguous-student", table.path, line=row.line, found=f"the student id {quoted(row.student)}")
        elif rows.setdefault(student, resolved := row._replace(student=student)) is not resolved:
            found = f"a second row for student {quoted(student)}, after line {rows[student].line}"
            issues.error("duplicate-student", table.path, line=row.line, found=found)
    return table._replace(rows=tuple(rows.values()))


def add_absent(
    students: Students,
    tables: Sequence[RatingsTable],
    groups: Groups,
    roster: Sequence[Person],
    issues: IssueCollector,
) -> Students:
    """Adds the students of `tables`, `groups` and the roster who have no submission; warns of all that are unreadable.

    A row of a table may name a group by its submission.
    """
    known = {*students.ids, *groups.names}
    absent = {row.student: row.folder for table in tables for row in table.rows if row.student not in known}
    absent |= {student: student for student in sorted(groups.students - known)}
    on_roster = [each for each in _absent_on_roster(roster, {*known, *absent}) if each not in absent]
    if on_roster:
        found = f"{len(on_roster)} students on the roster without a submission, such as {quoted(on_roster[0])}"
        issues.warning("roster-without-submission", SUBMISSIONS, found=found)
    absent |= {student: student for student in on_roster}
    none = [_without_submission(student, written_id(folder)) for student, folder in absent.items()]
    if students.unreadable:
        _report_unreadable(students, issues)
    unreadable = sorted((*students.unreadable, *none), key=lambda each: each.student)
    return students._replace(unreadable=tuple(unreadable))


def _without_submission(student: str, folder: str) -> UnreadableSubmission:
    return UnreadableSubmission(student=student, folder=folder, code=NO_SUBMISSION, reason="no submission")


def _absent_on_roster(roster: Sequence[Person], known: set[str]) -> Iterator[str]:
    """The ids of people none of whose ids is `known`: of the kind (student number, e-mail) that matches most often."""
    people = [tuple(map(written_id, person.ids)) for person in roster if person.ids]
    locals_ = {local_part(each) for each in known}
    matches = [[each in known or local_part(each) in locals_ for each in ids] for ids in people]
    width = max(map(len, people), default=0)
    kind = max(range(width), key=lambda i: sum(match[i] for match in matches if i < len(match)), default=0)
    for ids, match in zip(people, matches, strict=True):
        if not any(match):
            chosen = ids[min(kind, len(ids) - 1)]
            yield local_part(chosen) or chosen


def _report_unreadable(students: Students, issues: IssueCollector) -> None:
    count, total = len(students.unreadable), len(students.ids)
    codes = [each.code for each in students.unreadable]
    kinds = ", ".join(f"{code} {codes.count(code)}" for code in sorted(set(codes)))
    many = count > LabLimits().unreadable_share * total
    issues.warning(
        "many-unreadable" if many else "unreadable-submissions",
        SUBMISSIONS,
        found=f"{count} of {total} submissions without a readable program ({kinds})",
    )


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


def check_copies(submissions: Sequence[Submission], template: Sequence[SourceFile], issues: IssueCollector) -> None:
    """Warns of submissions with equal texts, and of those that only contain template files, whitespace ignored."""
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
