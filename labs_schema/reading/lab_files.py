"""The parts of a lab's folder, each read by itself: a file to records, and its issues noted. Knows no rule between
two of them. `present`: which of the names that a lab may have are there."""

import os
from collections.abc import Set
from pathlib import Path

from labs_schema.errors import IssueCollector, quoted
from labs_schema.file_reader import read_text
from labs_schema.limits import LabLimits
from labs_schema.models import Criterion, Person, SourceFile, Submission
from labs_schema.reading.lab_folders import (
    LANGUAGE_FILE,
    RATINGS,
    ROSTER,
    RUBRIC,
    SHORT_STATEMENT,
    STATEMENTS,
    SUBMISSIONS,
    TEMPLATE,
)
from labs_schema.reading.ratings_csv import RatingsTable, parse_ratings
from labs_schema.reading.roster import parse_roster
from labs_schema.reading.rubric_json import parse_rubric
from labs_schema.reading.rubric_merge import merge_rubrics
from labs_schema.reading.titles import rater_of
from labs_schema.source.languages import LANGUAGES, named
from labs_schema.submissions.source_files import folder_entries, source_files
from labs_schema.submissions.submissions_folder import read_submissions


def table_of(
    folder: Path, name: str, present: Set[str], limits: LabLimits, issues: IssueCollector
) -> RatingsTable | None:
    if name not in present:
        return None
    text = read_text(folder / name, name, limits.table_bytes, issues)
    return None if text is None else parse_ratings(text, name, limits.line_chars, issues)


def roster_of(folder: Path, present: Set[str], limits: LabLimits, issues: IssueCollector) -> tuple[Person, ...]:
    """The lab's own, and that of the folder of labs it is in."""
    own, course = folder / ROSTER, folder.parent / ROSTER
    found = {own: ROSTER} if ROSTER in present else {}
    found |= {course: f"../{ROSTER}"} if os.path.lexists(course) else {}
    people: list[Person] = []
    for path, name in found.items():
        text = read_text(path, name, limits.table_bytes, issues)
        people += () if text is None else parse_roster(text, name, limits.line_chars, issues)
    return tuple(dict.fromkeys(people))


def rater_tables(folder: Path, present: Set[str], limits: LabLimits, issues: IssueCollector) -> dict[str, RatingsTable]:
    """rater -> table, sorted by rater."""
    named = sorted((rater, name) for name in present if (rater := rater_of(name)))
    tables = ((rater, table_of(folder, name, present, limits, issues)) for rater, name in named)
    return {rater: table for rater, table in tables if table}


def criteria_of(
    folder: Path, present: Set[str], table: RatingsTable | None, limits: LabLimits, issues: IssueCollector
) -> tuple[Criterion, ...]:
    rubric = None
    if RUBRIC in present:
        text = read_text(folder / RUBRIC, RUBRIC, limits.rubric_bytes, issues)
        rubric = None if text is None else parse_rubric(text, issues)
    elif RATINGS in present:
        _missing("no-rubric", RUBRIC, f"The rubric is taken from the header of {RATINGS}.", issues)
    else:
        issues.error(
            "no-rubric",
            RUBRIC,
            found=f"neither {RUBRIC} nor {RATINGS}",
            expected="the rubric's criteria and ratings",
            hint=f"Write {RUBRIC}; docs/reference/lab-format.md has an example.",
        )
    if RUBRIC in present and RATINGS not in present:
        _missing("no-ratings", RATINGS, "The lab can be graded and is not learned from.", issues)
    return merge_rubrics(rubric, table, issues)


def submissions_of(
    folder: Path, present: Set[str], limits: LabLimits, issues: IssueCollector
) -> tuple[Submission, ...]:
    submissions = read_submissions(folder / SUBMISSIONS, limits, issues) if SUBMISSIONS in present else ()
    if not submissions:
        _missing("no-submissions", SUBMISSIONS, "Only single programs can be graded by this lab.", issues)
    return submissions


def template_of(folder: Path, present: Set[str], limits: LabLimits, issues: IssueCollector) -> tuple[SourceFile, ...]:
    if TEMPLATE not in present:
        return ()
    entries = folder_entries(folder / TEMPLATE, TEMPLATE, limits, issues)
    return source_files(entries, TEMPLATE, limits, issues).files


def _missing(code: str, name: str, hint: str, issues: IssueCollector) -> None:
    issues.warning(code, name, found="nothing", expected=f"{name} in the lab's folder", hint=hint)


def read_problem(folder: Path, present: Set[str], limits: LabLimits, issues: IssueCollector) -> tuple[str, str]:
    """(verbose, short); each stands in for the other where only one is there. An error where neither is.

    `present` are the names of the files there are.
    """

    def statement(name: str) -> str:
        text = read_text(folder / name, name, limits.statement_bytes, issues) if name in present else None
        return text if text and text.strip() else ""

    verbose = {name: text for name in STATEMENTS if (text := statement(name))}
    short = statement(SHORT_STATEMENT)
    if len(set(verbose.values())) > 1:
        issues.warning(
            "two-statements",
            STATEMENTS[1],
            found=f"a text that differs from {STATEMENTS[0]}",
            expected="one verbose problem statement",
            hint=f"{STATEMENTS[0]} is used; delete the other.",
        )
    full = next(iter(verbose.values()), "")
    if not full and not short:
        issues.error(
            "no-statement",
            STATEMENTS[0],
            found=f"no text in {', '.join(STATEMENTS)} or {SHORT_STATEMENT}",
            expected="the problem statement in at least one of them",
            hint=f"Write the task the students were given into {STATEMENTS[0]}.",
        )
    elif not full or not short:
        issues.warning(
            "one-statement",
            SHORT_STATEMENT if full else STATEMENTS[0],
            found="only the verbose statement" if full else "only the short statement",
            expected="both",
            hint="The one stands in for the other.",
        )
    return full or short, short or full


def given_language(
    folder: Path, present: Set[str], override: str | None, limits: LabLimits, issues: IssueCollector
) -> str | None:
    """The language named by `override`, else by the lab's `language.txt`; None where neither is there, and, with an
    error, where it names no known one. `present` are the names of the files there are.
    """
    if override is not None:
        return _named(override, "", "leave it out", issues)
    text = (
        read_text(folder / LANGUAGE_FILE, LANGUAGE_FILE, limits.statement_bytes, issues)
        if LANGUAGE_FILE in present
        else None
    )
    return None if text is None else _named(text, LANGUAGE_FILE, "delete the file", issues)


def _named(text: str, where: str, without: str, issues: IssueCollector) -> str | None:
    language = named(text)
    if language is None:
        issues.error(
            "unknown-language",
            where,
            found=f"the language {quoted(text.strip())}",
            expected=f"one of {', '.join(LANGUAGES)}, and nothing else",
            hint=f"Choose one of these, or {without} to go by the extensions of the students' files.",
        )
    return language
