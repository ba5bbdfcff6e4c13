"""The parts of a lab's folder, each read by itself: a file to records, and its faults noted. Knows no rule between
two of them. `present`: which of the names that a lab may have are there."""

import os
from collections.abc import Set
from pathlib import Path

from labs_schema.collector import FaultCollector
from labs_schema.file_reader import read_text
from labs_schema.limits import Limits
from labs_schema.models import Criterion, Person, SourceFile, Submission
from labs_schema.reading.lab_folders import RATINGS, RUBRIC, SUBMISSIONS, TEMPLATE
from labs_schema.reading.rater_names import rater_of
from labs_schema.reading.ratings_csv import RatingsTable, parse_ratings
from labs_schema.reading.roster import FILE as ROSTER
from labs_schema.reading.roster import parse_roster
from labs_schema.reading.rubric_checks import merge_rubrics
from labs_schema.reading.rubric_json import parse_rubric
from labs_schema.submissions.entries import folder_entries
from labs_schema.submissions.source_files import source_files
from labs_schema.submissions.submissions_folder import read_submissions


def table_of(folder: Path, name: str, present: Set[str], limits: Limits, faults: FaultCollector) -> RatingsTable | None:
    if name not in present:
        return None
    text = read_text(folder / name, name, limits.table_bytes, faults)
    return None if text is None else parse_ratings(text, name, limits.line_chars, faults)


def roster_of(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> tuple[Person, ...]:
    """The lab's own, and that of the folder of labs it is in."""
    own, course = folder / ROSTER, folder.parent / ROSTER
    found = {own: ROSTER} if ROSTER in present else {}
    found |= {course: f"../{ROSTER}"} if os.path.lexists(course) else {}
    people: list[Person] = []
    for path, name in found.items():
        text = read_text(path, name, limits.table_bytes, faults)
        people += () if text is None else parse_roster(text, name, limits.line_chars, faults)
    return tuple(dict.fromkeys(people))


def rater_tables(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> dict[str, RatingsTable]:
    """rater -> table, sorted by rater."""
    named = sorted((rater, name) for name in present if (rater := rater_of(name)))
    tables = ((rater, table_of(folder, name, present, limits, faults)) for rater, name in named)
    return {rater: table for rater, table in tables if table}


def criteria_of(
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
            hint=f"Write {RUBRIC}; docs/reference/lab-format.md has an example.",
        )
    if RUBRIC in present and RATINGS not in present:
        _missing("no-ratings", RATINGS, "The lab can be graded and is not learned from.", faults)
    return merge_rubrics(rubric, table, faults)


def submissions_of(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> tuple[Submission, ...]:
    submissions = read_submissions(folder / SUBMISSIONS, limits, faults) if SUBMISSIONS in present else ()
    if not submissions:
        _missing("no-submissions", SUBMISSIONS, "Only single programs can be graded by this lab.", faults)
    return submissions


def template_of(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> tuple[SourceFile, ...]:
    if TEMPLATE not in present:
        return ()
    entries = folder_entries(folder / TEMPLATE, TEMPLATE, limits, faults)
    return source_files(entries, TEMPLATE, limits, faults).files


def _missing(code: str, name: str, hint: str, faults: FaultCollector) -> None:
    faults.warning(code, name, found="nothing", expected=f"{name} in the lab's folder", hint=hint)
