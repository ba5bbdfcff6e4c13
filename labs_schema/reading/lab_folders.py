"""The files that make a folder a lab, and the labs in a folder. Reads no file."""

import os
from pathlib import Path

from labs_schema.errors import InputError, Issue, IssueCollector, Severity
from labs_schema.file_reader import is_special_file, list_folder
from labs_schema.reading.titles import rater_of
from labs_schema.submissions.file_names import junk_part, safe_name

STATEMENTS = ("ps.txt", "problemStatement.txt")
SHORT_STATEMENT = "modified_ps.txt"
LANGUAGE_FILE = "language.txt"
ROSTER = "roster.csv"
RUBRIC = "rubrics.json"
RATINGS = "rubric_ratings.csv"
COMMENTS = "rubric_comments.csv"
SUBMISSIONS = "submissions"
TEMPLATE = "template"
SIGNS_OF_A_LAB = (RUBRIC, RATINGS, SUBMISSIONS)
KNOWN = frozenset(
    {*SIGNS_OF_A_LAB, COMMENTS, TEMPLATE, LANGUAGE_FILE, SHORT_STATEMENT, *STATEMENTS, ROSTER, "provenance.json"}
)
ALSO_FINE = ("readme", "license", "licence", "notice", "copying")


def is_lab(folder: Path) -> bool:
    """Whether `folder` has at least one of rubrics.json, rubric_ratings.csv and submissions/."""
    return any(os.path.lexists(folder / name) for name in SIGNS_OF_A_LAB)


def lab_folders(parent: Path) -> list[Path]:
    """The labs in `parent`, sorted by name; `parent` itself where it is a lab. Raises InputError without one."""
    if is_lab(parent):
        return [parent]
    try:
        found = sorted(path for path in parent.iterdir() if path.is_dir() and is_lab(path))
        reason = f"no folder with {', '.join(SIGNS_OF_A_LAB)}"
    except OSError as error:
        found, reason = [], error.strerror or type(error).__name__
    if found:
        return found
    issue = Issue(
        code="no-labs",
        severity=Severity.ERROR,
        path=safe_name(str(parent)),
        found=reason,
        expected="a lab, or a folder of labs",
        hint="Give the folder that holds one folder a lab.",
    )
    raise InputError([issue])


def stray_entries(parent: Path) -> tuple[Issue, ...]:
    """A warning for each entry of `parent` that is no lab; none where `parent` is a lab itself."""
    issues = IssueCollector(safe_name(parent.absolute().name) or "/")
    labs = set() if is_lab(parent) else {path.name for path in lab_folders(parent)}
    for entry in list_folder(parent, "", issues) if labs else ():
        if entry.name not in labs and not is_allowed_beside_labs(entry.name):
            _stray(safe_name(entry.name), "an entry that is no lab", issues)
    return issues.issues()


def lab_entries(folder: Path, issues: IssueCollector) -> frozenset[str]:
    """The names of a lab's own files that may be read, with a issue for everything else in the folder.

    A warning for what the format does not know, an error for a link or device in the place of a file it does know.
    """
    names = set()
    for entry in list_folder(folder, "", issues):
        name = safe_name(entry.name)
        if entry.name in KNOWN or rater_of(entry.name):
            if not is_special_file(os.lstat(entry.path), name, issues):
                names.add(entry.name)
        elif not _also_fine(entry.name):
            _stray(name, "a file that the lab format does not know", issues)
    return frozenset(names)


def labs_inside(folder: Path) -> list[str]:
    """Names of the labs in a folder that is no lab itself: who gives it for one lab means one of them."""
    try:
        return [] if is_lab(folder) else [path.name for path in lab_folders(folder)]
    except InputError:
        return []


def is_allowed_beside_labs(name: str) -> bool:
    """A roster, a readme, a licence: `labs/*` names them too."""
    return name == ROSTER or _also_fine(name)


def _also_fine(name: str) -> bool:
    return name.lower().startswith(ALSO_FINE)


def _stray(name: str, found: str, issues: IssueCollector) -> None:
    kind = "what an editor or system left behind" if junk_part(name) else found
    issues.warning(
        "litter" if junk_part(name) else "stray-file",
        name,
        found=kind,
        expected="only what docs/reference/lab-format.md names",
        hint="It is not read; check the spelling of its name, or delete it.",
    )
