"""Reads each file of a lab folder into records. Checks across files are in `validate` and the modules it calls."""

import os
from collections.abc import Set

from labs_schema.errors import IssueCollector, did_you_mean, quoted
from labs_schema.limits import LabLimits
from labs_schema.models import Criterion, Person, SourceFile
from labs_schema.reading.groups import parse_groups
from labs_schema.reading.lab_folder import LabFolder
from labs_schema.reading.lab_folders import (
    GROUPS,
    LANGUAGE_FILE,
    RATINGS,
    ROSTER,
    SUBMISSIONS,
    TEMPLATE,
    table_names,
    tables_named,
)
from labs_schema.reading.ratings.ratings_csv import RatingsTable, parse_ratings
from labs_schema.reading.roster import parse_roster
from labs_schema.reading.rubric_merge import merge_rubrics
from labs_schema.rubrics.rubric_json import RUBRIC, parse_rubric
from labs_schema.rubrics.titles import rater_file, rater_of
from labs_schema.source.languages import LANGUAGES, canonical_name
from labs_schema.submissions.source_files import ReadingRules, read_source_files
from labs_schema.submissions.submissions_folder import SubmissionEntry, read_submissions
from labs_schema.submissions.unread_files import folder_files
from labs_schema.tables.reader import read_table_file

LIMITS = LabLimits()


def read_language(lab: LabFolder, override: str | None) -> str | None:
    """The language in `override` or language.txt; None if neither is set or, with an error, if it is unsupported."""
    if override is not None:
        return _parse_language(override, "", lab.issues)
    text = lab.text(LANGUAGE_FILE, LIMITS.statement_bytes)
    return None if text is None else _parse_language(text, LANGUAGE_FILE, lab.issues)


def _parse_language(text: str, where: str, issues: IssueCollector) -> str | None:
    language = canonical_name(text)
    if language is None:
        found, suggestion = f"the language {quoted(text.strip())}", did_you_mean(text.strip(), LANGUAGES)
        expected = f"one of {', '.join(LANGUAGES)}, and nothing else"
        issues.error("unknown-language", where, found=found, expected=expected, suggestion=suggestion)
    return language


def read_table(lab: LabFolder, name: str) -> RatingsTable | None:
    """The table `name`, in any of the formats of tables; None if there is none or, with an error, if it is invalid."""
    found = lab.table(name)
    return None if found is None else parse_ratings(*found, lab.issues, lab.submitted)


def read_rater_tables(lab: LabFolder) -> dict[str, RatingsTable]:
    """TA name -> table, sorted by TA."""
    raters = sorted({rater for name in lab.available if (rater := rater_of(name))})
    tables = ((rater, read_table(lab, rater_file(rater))) for rater in raters)
    return {rater: table for rater, table in tables if table}


def read_roster(lab: LabFolder) -> tuple[Person, ...]:
    """The students on the lab's roster and on the one in its parent folder."""
    parent = lab.path.parent
    course = next((name for name in table_names(ROSTER) if os.path.lexists(parent / name)), None)
    found = [lab.table(ROSTER)]
    if course and (rows := read_table_file(parent / course, f"../{course}", lab.issues)):
        found.append((rows, f"../{course}"))
    people = [person for each in found if each for person in parse_roster(*each, lab.issues)]
    return tuple(dict.fromkeys(people))


def read_groups(lab: LabFolder) -> dict[str, list[str]]:
    """Name of a submission -> ids of its members, for group work."""
    found = lab.table(GROUPS)
    return parse_groups(*found, lab.issues) if found else {}


def read_criteria(lab: LabFolder, table: RatingsTable | None) -> tuple[Criterion, ...]:
    """The rubric from rubrics.json and the header of `table`, merged."""
    text = lab.text(RUBRIC, LIMITS.rubric_bytes)
    rubric = None if text is None else parse_rubric(text, lab.issues)
    rated = bool(tables_named(RATINGS, lab.available))
    if RUBRIC not in lab.available and rated:
        hint = f"The rubric is taken from the header of {RATINGS}."
        lab.issues.warning("no-rubric", RUBRIC, found="no such file", hint=hint)
    elif RUBRIC not in lab.available:
        lab.issues.error("no-rubric", RUBRIC, found=f"neither {RUBRIC} nor {RATINGS}")
    elif not rated:
        lab.issues.warning("no-ratings", RATINGS)
    return merge_rubrics(rubric, table, lab.issues)


def read_entries(lab: LabFolder, known: Set[str], rules: ReadingRules) -> tuple[SubmissionEntry, ...]:
    """The entries of submissions/; `known` are the ids in tables."""
    available = SUBMISSIONS in lab.available
    entries = read_submissions(lab.path / SUBMISSIONS, known, lab.issues, rules) if available else ()
    if not entries:
        lab.issues.warning("no-submissions", SUBMISSIONS)
    return entries


def read_template(lab: LabFolder, rules: ReadingRules) -> tuple[SourceFile, ...]:
    if TEMPLATE not in lab.available:
        return ()
    files = folder_files(lab.path / TEMPLATE, TEMPLATE, lab.issues)
    return read_source_files(files, TEMPLATE, lab.issues, rules).files
