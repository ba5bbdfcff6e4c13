"""The file names of a lab, and the labs and unexpected files in a folder."""

import os
from collections.abc import Collection
from pathlib import Path

from labs_schema.errors import InputError, Issue, IssueCollector, did_you_mean, error_issue
from labs_schema.files.edits import WORK_PREFIX
from labs_schema.files.file_reader import is_special_file, list_folder
from labs_schema.rubrics.rubric_json import RUBRIC
from labs_schema.rubrics.titles import rater_of
from labs_schema.submissions.file_names import safe_name
from labs_schema.submissions.ignored import ignored_name
from labs_schema.tables.reader import TABLE_SUFFIXES

STATEMENTS = ("ps.txt", "problemStatement.txt", "ps.md", "problemStatement.md", "ps.docx", "problemStatement.docx")
SHORT_STATEMENTS = ("modified_ps.txt", "modified_ps.md", "modified_ps.docx")
README = "README.md"
LANGUAGE_FILE = "language.txt"
ENCODING_FILE = "encoding.txt"
ROSTER = "roster.csv"
GROUPS = "groups.csv"
RATINGS = "rubric_ratings.csv"
COMMENTS = "rubric_comments.csv"
OBSERVATIONS = "observations.jsonl"
SUBMISSIONS = "submissions"
TEMPLATE = "template"
CHECKS = "checks.yaml"
CHECKS_FOLDER = "checks"
CONTEST_DATA = "data"
PROBLEM_YAML = "problem.yaml"
TIME_LIMIT = ".timelimit"
OUTPUT_VALIDATORS = "output_validators"
CHECK_FILES = (CHECKS, CHECKS_FOLDER, CONTEST_DATA, PROBLEM_YAML, TIME_LIMIT, OUTPUT_VALIDATORS, "input_validators")
LAB_MARKERS = (RUBRIC, RATINGS, SUBMISSIONS)
"""A folder with one of these is a lab."""
_TEXT_FILES = (*STATEMENTS, *SHORT_STATEMENTS, README, LANGUAGE_FILE, ENCODING_FILE, "provenance.json")
ALLOWED_PREFIXES = ("readme", "license", "licence", "notice", "copying")


def table_names(name: str) -> tuple[str, ...]:
    """`name.csv` with each suffix of tables."""
    return tuple(name.removesuffix(".csv") + suffix for suffix in TABLE_SUFFIXES)


def tables_named(name: str, available: Collection[str]) -> list[str]:
    """The `table_names` that are available."""
    return [each for each in table_names(name) if each in available]


_TABLES = tuple(name for table in (RATINGS, COMMENTS, ROSTER, GROUPS) for name in table_names(table))
LAB_FILES = frozenset({*LAB_MARKERS, TEMPLATE, OBSERVATIONS, *_TEXT_FILES, *_TABLES, *CHECK_FILES})


def is_lab(folder: Path) -> bool:
    """Whether `folder` contains rubrics.json, submissions/, or rubric_ratings.csv in any format of tables."""
    return any(os.path.lexists(folder / name) for name in (*LAB_MARKERS, *table_names(RATINGS)))


def lab_folders(parent: Path) -> list[Path]:
    """The labs in `parent`, sorted by name; `parent` itself if it is a lab. Raises InputError if there are none."""
    if is_lab(parent):
        return [parent]
    try:
        found = sorted(path for path in parent.iterdir() if path.is_dir() and is_lab(path))
        reason = f"no subfolder with {', '.join(LAB_MARKERS)}"
    except OSError as error:
        found, reason = [], error.strerror or type(error).__name__
    if found:
        return found
    hint = f"Pass a lab folder or its parent folder.{_similar_folder(parent)}"
    path, expected = safe_name(str(parent)), "a lab, or a folder of labs"
    raise InputError([error_issue("no-labs", path, found=reason, expected=expected, hint=hint)])


def _similar_folder(path: Path) -> str:
    """`did_you_mean` for a path that does not exist."""
    try:
        siblings = [] if path.exists() else [each.name for each in path.absolute().parent.iterdir() if each.is_dir()]
    except OSError:
        siblings = []
    return did_you_mean(path.name, map(safe_name, siblings))


def stray_entries(parent: Path) -> tuple[Issue, ...]:
    """A warning for each entry of `parent` that is not a lab; none if `parent` is a lab itself."""
    issues = IssueCollector(safe_name(parent.absolute().name) or "/")
    labs = set() if is_lab(parent) else {path.name for path in lab_folders(parent)}
    for entry in list_folder(parent, "", issues) if labs else ():
        if entry.name not in labs and not is_allowed_among_labs(entry.name):
            _report_stray(safe_name(entry.name), "an entry that is not a lab", issues)
    return issues.issues()


def lab_entries(folder: Path, issues: IssueCollector) -> frozenset[str]:
    """The names of a lab's own files that can be read.

    Reports a warning for each entry that the format does not define, and an error for each link or device among those
    that it defines.
    """
    names = set()
    for entry in list_folder(folder, "", issues):
        name = safe_name(entry.name)
        if entry.name in LAB_FILES or rater_of(entry.name):
            if not is_special_file(os.lstat(entry.path), name, issues):
                names.add(entry.name)
        elif not _is_allowed(entry.name):
            _report_stray(name, "a file that the lab format does not define", issues)
    return frozenset(names)


def labs_inside(folder: Path) -> list[str]:
    """The names of the labs in a folder that is not a lab itself."""
    try:
        return [] if is_lab(folder) else [path.name for path in lab_folders(folder)]
    except InputError:
        return []


def is_allowed_among_labs(name: str) -> bool:
    """Whether the entry may be in a folder of labs: a roster, readme or licence, which `labs/*` expands to as well, or
    one of our own folders."""
    return name in table_names(ROSTER) or name.startswith(WORK_PREFIX) or _is_allowed(name)


def _is_allowed(name: str) -> bool:
    return name.lower().startswith(ALLOWED_PREFIXES)


def _report_stray(name: str, found: str, issues: IssueCollector) -> None:
    if ignored_name(name, folder=False) or ignored_name(name, folder=True):
        issues.warning("litter", name)
    else:
        issues.warning("stray-file", name, found=found, suggestion=did_you_mean(name, LAB_FILES))
