"""A lab's folder to a `Lab`, or to every fault in it. The only door from files to records."""

import os
from collections.abc import Set
from pathlib import Path

from labs_schema.checks import check_comments, check_copies, check_students
from labs_schema.collector import FaultCollector
from labs_schema.errors import Fault, FaultsError, Severity
from labs_schema.folders import (
    COMMENTS,
    RATINGS,
    RUBRIC,
    SUBMISSIONS,
    TEMPLATE,
    lab_entries,
    lab_folders,
    stray_entries,
)
from labs_schema.frozen import Frozen
from labs_schema.given_language import given_language
from labs_schema.hiding import noted, person_of
from labs_schema.human_grades import human_grades
from labs_schema.limits import Limits
from labs_schema.models import Criterion, HumanGrade, Lab, Person, SourceFile, Submission
from labs_schema.names import clean
from labs_schema.naming import Names
from labs_schema.problem import read_problem
from labs_schema.rater_names import rater_of
from labs_schema.rater_tables import check_raters, rater_grades
from labs_schema.ratings_csv import RatingsTable, parse_ratings
from labs_schema.reader import read_text
from labs_schema.roster import FILE as ROSTER
from labs_schema.roster import parse_roster
from labs_schema.rubric_checks import merge_rubrics
from labs_schema.rubric_json import parse_rubric
from labs_schema.submission_entries import folder_entries
from labs_schema.submission_files import source_files
from labs_schema.submissions import in_language, language_by_names, read_submissions

__all__ = ["Validated", "lab_folders", "load_lab", "load_rubric", "read_lab", "read_rubric", "stray_entries"]

DEFAULT_LIMITS = Limits()


class Validated(Frozen):
    """`lab` is None where a fault is an error. `faults` has the errors first."""

    lab: Lab | None
    faults: tuple[Fault, ...]


def load_lab(folder: Path, *, language: str | None = None) -> Lab:
    """The lab in `folder`. Raises FaultsError with all its errors (and no warnings) where there are any."""
    validated = read_lab(folder, language=language)
    if validated.lab is None:
        raise FaultsError([fault for fault in validated.faults if fault.severity is Severity.ERROR])
    return validated.lab


def read_lab(folder: Path, *, language: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Validated:
    """Reads and checks a lab. `language` overrides its `language.txt`, and that the extensions of the students' files.

    Raises nothing for bad input.
    """
    folder = folder.absolute()
    faults = FaultCollector(clean(folder.name) or "/")
    lab = _read(folder, language, limits, faults)
    return Validated(lab=None if faults.failed else lab, faults=faults.faults())


def load_rubric(folder: Path) -> Lab:
    """The lab in `folder` without anybody's work and grades: problem, rubric, language. Raises FaultsError as
    `load_lab`, but not for what is wrong with a submission: none is read."""
    rubric = read_rubric(folder)
    if rubric.lab is None:
        raise FaultsError([fault for fault in rubric.faults if fault.severity is Severity.ERROR])
    return rubric.lab


def read_rubric(folder: Path, *, limits: Limits = DEFAULT_LIMITS) -> Validated:
    """`load_rubric` that raises nothing."""
    folder = folder.absolute()
    faults = FaultCollector(clean(folder.name) or "/")
    lab = _read_rubric(folder, limits, faults)
    return Validated(lab=None if faults.failed else lab, faults=faults.faults())


def _read_rubric(folder: Path, limits: Limits, faults: FaultCollector) -> Lab | None:
    present = lab_entries(folder, faults)
    if not present and faults.failed:
        return None
    said = given_language(folder, present, None, limits, faults)
    problem, short = read_problem(folder, present, limits, faults)
    table = _table(folder, RATINGS, present, limits, faults)
    criteria = _criteria(folder, present, table, limits, faults)
    spoken = said or language_by_names(folder / SUBMISSIONS, limits, faults)
    roster = _roster(folder, present, limits, faults)
    if faults.failed:
        return None
    return Lab(
        name=clean(folder.name),
        problem=problem,
        short_problem=short,
        language=spoken,
        criteria=criteria,
        submissions=(),
        roster=roster,
    )


def _read(folder: Path, language: str | None, limits: Limits, faults: FaultCollector) -> Lab | None:
    """The lab; None, or a lab that must not be used, where `faults` has an error."""
    present = lab_entries(folder, faults)
    if not present and faults.failed:
        return None
    said = given_language(folder, present, language, limits, faults)
    problem, short = read_problem(folder, present, limits, faults)
    table = _table(folder, RATINGS, present, limits, faults)
    criteria = _criteria(folder, present, table, limits, faults)
    comments = _table(folder, COMMENTS, present, limits, faults)
    every = _submissions(folder, present, limits, faults)
    spoken, submissions = in_language(every, said, faults)
    check_copies(submissions, _template(folder, present, limits, faults), faults)
    roster = _roster(folder, present, limits, faults)
    names = Names((*roster, *(person_of(each.student, each.folder) for each in every)))
    grades: tuple[HumanGrade, ...] = ()
    if table:
        check_students({submission.student for submission in every}, table, faults)
        if comments:
            check_comments(comments, table, faults)
        grades = human_grades(criteria, table, comments, faults)
    raters = _rater_tables(folder, present, limits, faults)
    others = rater_grades(criteria, raters, {submission.student for submission in every}, faults)
    check_raters(grades, others, RATINGS, faults)
    if faults.failed:
        return None
    return Lab(
        name=clean(folder.name),
        problem=problem,
        short_problem=short,
        language=spoken,
        criteria=criteria,
        submissions=tuple(noted(submission, spoken, names) for submission in submissions),
        human_grades=grades,
        rater_grades=others,
        roster=roster,
    )


def _table(folder: Path, name: str, present: Set[str], limits: Limits, faults: FaultCollector) -> RatingsTable | None:
    if name not in present:
        return None
    text = read_text(folder / name, name, limits.table_bytes, faults)
    return None if text is None else parse_ratings(text, name, limits.line_chars, faults)


def _roster(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> tuple[Person, ...]:
    """The lab's own, and that of the folder of labs it is in."""
    own, course = folder / ROSTER, folder.parent / ROSTER
    found = {own: ROSTER} if ROSTER in present else {}
    found |= {course: f"../{ROSTER}"} if os.path.lexists(course) else {}
    people: list[Person] = []
    for path, name in found.items():
        text = read_text(path, name, limits.table_bytes, faults)
        people += () if text is None else parse_roster(text, name, limits.line_chars, faults)
    return tuple(dict.fromkeys(people))


def _rater_tables(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> dict[str, RatingsTable]:
    """rater -> table, sorted by rater."""
    named = sorted((rater, name) for name in present if (rater := rater_of(name)))
    tables = ((rater, _table(folder, name, present, limits, faults)) for rater, name in named)
    return {rater: table for rater, table in tables if table}


def _criteria(
    folder: Path, present: Set[str], table: RatingsTable | None, limits: Limits, faults: FaultCollector
) -> tuple[Criterion, ...]:
    rubric = None
    if RUBRIC in present:
        text = read_text(folder / RUBRIC, RUBRIC, limits.rubric_bytes, faults)
        rubric = None if text is None else parse_rubric(text, faults)
    elif RATINGS in present:
        _missing("no-rubric", RUBRIC, f"The rubric is taken from the header of {RATINGS}.", faults)
    else:
        faults.error(
            "no-rubric",
            RUBRIC,
            found=f"neither {RUBRIC} nor {RATINGS}",
            expected="the rubric's criteria and ratings",
            mend=f"Write {RUBRIC}; docs/lab-format.md has an example.",
        )
    if RUBRIC in present and RATINGS not in present:
        _missing("no-ratings", RATINGS, "The lab can be graded and is not learned from.", faults)
    return merge_rubrics(rubric, table, faults)


def _submissions(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> tuple[Submission, ...]:
    submissions = read_submissions(folder / SUBMISSIONS, limits, faults) if SUBMISSIONS in present else ()
    if not submissions:
        _missing("no-submissions", SUBMISSIONS, "Only single programs can be graded by this lab.", faults)
    return submissions


def _template(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> tuple[SourceFile, ...]:
    if TEMPLATE not in present:
        return ()
    entries = folder_entries(folder / TEMPLATE, TEMPLATE, limits, faults)
    return source_files(entries, TEMPLATE, limits, faults).files


def _missing(code: str, name: str, mend: str, faults: FaultCollector) -> None:
    faults.warning(code, name, found="nothing", expected=f"{name} in the lab's folder", mend=mend)
