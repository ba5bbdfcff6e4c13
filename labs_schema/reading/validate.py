"""Reads a lab folder into a `Lab`, or into every issue found in it."""

from pathlib import Path

from pydantic import Field

from labs_schema.errors import InputError, Issue, IssueCollector, Severity
from labs_schema.files.edits import finish_edit
from labs_schema.frozen import Frozen
from labs_schema.models import HumanGrade, Lab
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import person_from_id, with_redactions
from labs_schema.reading.groups import Groups, suggest_groups
from labs_schema.reading.lab_files import (
    read_criteria,
    read_entries,
    read_groups,
    read_language,
    read_rater_tables,
    read_roster,
    read_table,
    read_template,
)
from labs_schema.reading.lab_folder import LabFolder, with_encoding
from labs_schema.reading.lab_folders import (
    COMMENTS,
    OBSERVATIONS,
    RATINGS,
    SUBMISSIONS,
    lab_entries,
    lab_folders,
    labs_inside,
    stray_entries,
)
from labs_schema.reading.observations_file import read_observations, with_observations
from labs_schema.reading.ratings.human_grades import human_grades
from labs_schema.reading.ratings.rater_tables import check_raters, rater_grades
from labs_schema.reading.ratings.ratings_csv import RatingsTable
from labs_schema.reading.ratings.table_checks import check_comments
from labs_schema.reading.rubric_merge import aligned
from labs_schema.reading.statements import read_statements
from labs_schema.reading.students import add_absent, check_copies, check_students, read_students, with_student_ids
from labs_schema.source.languages import UNKNOWN
from labs_schema.student_ids import StudentIds, local_part
from labs_schema.submissions.file_names import safe_name
from labs_schema.submissions.notebooks import asks_about_text
from labs_schema.submissions.source_files import ReadingRules
from labs_schema.submissions.submissions_folder import detect_language, select_language

__all__ = ["Validated", "lab_folders", "load_lab", "load_rubric", "read_lab", "read_rubric", "stray_entries"]


class Validated(Frozen):
    """`lab` is None if one of the `issues` is an error. Errors come before warnings.

    `counts`: code -> number of issues, also of those that are not listed.
    """

    lab: Lab | None
    issues: tuple[Issue, ...]
    counts: dict[str, int] = Field(default_factory=dict)

    def lab_with_warnings(self) -> Lab:
        """The lab with the counts of its warnings. Raises InputError with all errors if there is none."""
        return _lab_or_error(self).model_copy(update={"warnings": self.counts})


def load_lab(folder: Path, *, language: str | None = None) -> Lab:
    """The lab in `folder`. Raises InputError with all its errors, without the warnings."""
    return _lab_or_error(read_lab(folder, language=language))


def load_rubric(folder: Path) -> Lab:
    """The lab in `folder` without submissions and grades. Submissions are not read, so errors in them are not raised.

    Raises InputError as `load_lab` does.
    """
    return _lab_or_error(read_rubric(folder))


def read_lab(folder: Path, *, language: str | None = None) -> Validated:
    """Reads and validates a lab. Invalid input is reported in the result, never raised.

    `language` overrides language.txt, which overrides detection from the submissions' file extensions.
    """
    return _read(folder, language, with_work=True)


def read_rubric(folder: Path) -> Validated:
    """Like `load_rubric`, with the issues in the result."""
    return _read(folder, None, with_work=False)


def _lab_or_error(validated: Validated) -> Lab:
    if validated.lab is None:
        raise InputError([issue for issue in validated.issues if issue.severity is Severity.ERROR])
    return validated.lab


def _read(folder: Path, language: str | None, *, with_work: bool) -> Validated:
    folder = folder.absolute()
    finish_edit(folder)
    issues = IssueCollector(safe_name(folder.name) or "/")
    lab = _read_folder(folder, language, issues, with_work)
    return Validated(lab=None if issues.failed else lab, issues=issues.issues(), counts=issues.counts())


def _read_folder(path: Path, language: str | None, issues: IssueCollector, with_work: bool) -> Lab | None:
    """The lab. If `issues` has an error, the result is None or incomplete."""
    if labs := labs_inside(path):
        found = f"a folder of {len(labs)} labs, such as {safe_name(labs[0])}"
        issues.error("no-labs", "", found=found)
        return None
    folder = with_encoding(LabFolder(path, lab_entries(path, issues), issues))
    if not folder.available and issues.failed:
        return None
    declared = read_language(folder, language)
    problem, short_problem = read_statements(folder)
    table = read_table(folder, RATINGS)
    lab = Lab(
        name=safe_name(path.name),
        problem=problem,
        short_problem=short_problem,
        language=declared or UNKNOWN,
        criteria=read_criteria(folder, table),
        submissions=(),
        roster=read_roster(folder),
        encoding=folder.encoding,
    )
    if with_work:
        return _with_work(lab, folder, declared, table)
    return lab.model_copy(update={"language": declared or detect_language(path / SUBMISSIONS, issues)})


def _with_work(rubric: Lab, lab: LabFolder, declared: str | None, table: RatingsTable | None) -> Lab:
    """`rubric` with the submissions and their grades, and the language that they show if none is `declared`."""
    criteria, roster = rubric.criteria, rubric.roster
    raters = {rater: aligned(each, criteria) for rater, each in read_rater_tables(lab).items()}
    table, comments = (each and aligned(each, criteria) for each in (table, read_table(lab, COMMENTS)))
    written = {row.student for each in (table, comments, *raters.values()) if each for row in each.rows}
    grouped = read_groups(lab)
    written.update(name for group, members in grouped.items() for name in (group, *members))
    rules = ReadingRules(encoding=lab.encoding, text_cells=asks_about_text(criteria))
    entries = read_entries(lab, {name for each in written for name in (each, local_part(each))}, rules)
    language, entries = select_language(entries, declared, lab.issues)
    ids = StudentIds((entry.name for entry in entries), written)
    groups = Groups(grouped, ids)
    suggest_groups(entries, [*written, *(each for person in roster for each in person.ids)], lab.issues)
    table, comments = (each and with_student_ids(each, ids, lab.issues) for each in (table, comments))
    raters = {rater: with_student_ids(each, ids, lab.issues) for rater, each in raters.items()}
    students = read_students(entries, ids, groups, lab.issues)
    template = read_template(lab, rules)
    check_copies(students.submissions, template, lab.issues)
    grades: tuple[HumanGrade, ...] = ()
    if table:
        check_students(students, groups.names, table, lab.issues)
        if comments:
            check_comments(comments, table, lab.issues)
        grades = human_grades(criteria, table, comments, lab.issues)
    by_rater = rater_grades(criteria, raters, {*students.ids, *groups.names}, lab.issues)
    grades = groups.merge_grades(grades, RATINGS, lab.issues)
    by_rater = groups.merge_grades(by_rater, RATINGS, lab.issues, by_rater=True)
    by_rater = tuple(each for each in by_rater if each.rating is not None)
    check_raters(grades, by_rater, RATINGS, lab.issues)
    observed = read_observations(lab.path / OBSERVATIONS, lab.issues) if OBSERVATIONS in lab.available else []
    submissions = with_observations(students.submissions, observed, ids, lab.issues)
    tables = [each for each in (table, *raters.values()) if each]
    students = add_absent(students, tables, groups, roster, lab.issues)
    if lab.issues.failed:
        return rubric
    names = NameMatcher((*roster, *(person_from_id(*each) for each in students.written)))
    found = {
        "language": language,
        "template": template,
        "submissions": tuple(with_redactions(each, language, names) for each in submissions),
        "unreadable": students.unreadable,
        "human_grades": grades,
        "rater_grades": by_rater,
    }
    return rubric.model_copy(update=found)
