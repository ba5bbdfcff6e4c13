"""A lab's folder to a `Lab`, or to every issue in it. The only door from files to records."""

from collections.abc import Set
from pathlib import Path
from typing import NamedTuple

from labs_schema.errors import InputError, Issue, IssueCollector, Severity
from labs_schema.frozen import Frozen
from labs_schema.limits import LabLimits
from labs_schema.models import Criterion, HumanGrade, Lab, Person, Submission
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import person_from_id, with_redactions
from labs_schema.reading.human_grades import human_grades
from labs_schema.reading.lab_files import (
    criteria_of,
    given_language,
    rater_tables,
    read_problem,
    roster_of,
    submissions_of,
    table_of,
    template_of,
)
from labs_schema.reading.lab_folders import (
    COMMENTS,
    RATINGS,
    SUBMISSIONS,
    lab_entries,
    lab_folders,
    labs_inside,
    stray_entries,
)
from labs_schema.reading.rater_tables import check_raters, rater_grades
from labs_schema.reading.ratings_csv import RatingsTable
from labs_schema.reading.submission_checks import check_comments, check_copies, check_students
from labs_schema.submissions.file_names import safe_name
from labs_schema.submissions.submissions_folder import in_language, language_by_names

__all__ = ["Validated", "lab_folders", "load_lab", "load_rubric", "read_lab", "read_rubric", "stray_entries"]

DEFAULT_LIMITS = LabLimits()


class Validated(Frozen):
    """`lab` is None where a issue is an error. `issues` has the errors first."""

    lab: Lab | None
    issues: tuple[Issue, ...]


class _Work(NamedTuple):
    """What was handed in for a lab and how it was graded, in the lab's language."""

    language: str
    submissions: tuple[Submission, ...] = ()
    human_grades: tuple[HumanGrade, ...] = ()
    rater_grades: tuple[HumanGrade, ...] = ()


def load_lab(folder: Path, *, language: str | None = None) -> Lab:
    """The lab in `folder`. Raises InputError with all its errors (and no warnings) where there are any."""
    return _faultless(read_lab(folder, language=language))


def load_rubric(folder: Path) -> Lab:
    """The lab in `folder` without anybody's work and grades: problem, rubric, language. Raises InputError as
    `load_lab`, but not for what is wrong with a submission: none is read."""
    return _faultless(read_rubric(folder))


def read_lab(folder: Path, *, language: str | None = None, limits: LabLimits = DEFAULT_LIMITS) -> Validated:
    """Reads and checks a lab. `language` overrides its `language.txt`, and that the extensions of the students' files.

    Raises nothing for bad input.
    """
    return _read(folder, language, limits, with_work=True)


def read_rubric(folder: Path, *, limits: LabLimits = DEFAULT_LIMITS) -> Validated:
    """`load_rubric` that raises nothing."""
    return _read(folder, None, limits, with_work=False)


def _faultless(validated: Validated) -> Lab:
    if validated.lab is None:
        raise InputError([issue for issue in validated.issues if issue.severity is Severity.ERROR])
    return validated.lab


def _read(folder: Path, language: str | None, limits: LabLimits, *, with_work: bool) -> Validated:
    folder = folder.absolute()
    issues = IssueCollector(safe_name(folder.name) or "/")
    lab = _lab(folder, language, limits, issues, with_work)
    return Validated(lab=None if issues.failed else lab, issues=issues.issues())


def _lab(folder: Path, language: str | None, limits: LabLimits, issues: IssueCollector, with_work: bool) -> Lab | None:
    """The lab; None, or a lab that must not be used, where `issues` has an error."""
    if safe_member_path := labs_inside(folder):
        found = f"a folder of {len(safe_member_path)} labs, such as {safe_name(safe_member_path[0])}"
        issues.error("no-labs", "", found=found, expected="one lab", hint="Name a lab in it.")
        return None
    present = lab_entries(folder, issues)
    if not present and issues.failed:
        return None
    said = given_language(folder, present, language, limits, issues)
    problem, short = read_problem(folder, present, limits, issues)
    table = table_of(folder, RATINGS, present, limits, issues)
    criteria = criteria_of(folder, present, table, limits, issues)
    roster = roster_of(folder, present, limits, issues)
    if with_work:
        work = _work(folder, present, said, criteria, table, roster, limits, issues)
    else:
        work = _Work(said or language_by_names(folder / SUBMISSIONS, limits, issues))
    if issues.failed:
        return None
    return Lab(
        name=safe_name(folder.name),
        problem=problem,
        short_problem=short,
        criteria=criteria,
        roster=roster,
        **work._asdict(),
    )


def _work(
    folder: Path,
    present: Set[str],
    said: str | None,
    criteria: tuple[Criterion, ...],
    table: RatingsTable | None,
    roster: tuple[Person, ...],
    limits: LabLimits,
    issues: IssueCollector,
) -> _Work:
    comments = table_of(folder, COMMENTS, present, limits, issues)
    every = submissions_of(folder, present, limits, issues)
    language, submissions = in_language(every, said, issues)
    check_copies(submissions, template_of(folder, present, limits, issues), issues)
    students = {submission.student for submission in every}
    grades: tuple[HumanGrade, ...] = ()
    if table:
        check_students(students, table, issues)
        if comments:
            check_comments(comments, table, issues)
        grades = human_grades(criteria, table, comments, issues)
    raters = rater_tables(folder, present, limits, issues)
    others = rater_grades(criteria, raters, students, issues)
    check_raters(grades, others, RATINGS, issues)
    if issues.failed:
        return _Work(language)
    names = NameMatcher((*roster, *(person_from_id(each.student, each.folder) for each in every)))
    return _Work(
        language, tuple(with_redactions(submission, language, names) for submission in submissions), grades, others
    )
