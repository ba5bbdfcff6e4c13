"""Reads a submission from paths outside a lab (`grader grade FILE...`), with the rules and limits of a lab's own."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from labs_schema.errors import InputError, Issue, IssueCollector, Severity
from labs_schema.limits import LabLimits
from labs_schema.models import Person, SourceFile, Submission
from labs_schema.privacy.redaction import roster_names, with_redactions
from labs_schema.source.languages import UNKNOWN
from labs_schema.submissions.file_names import archive_suffix, safe_name
from labs_schema.submissions.source_files import archive_files, folder_files, read_source_files, single_file
from labs_schema.submissions.submissions_folder import files_in_language

ROOT = "arguments"
"""The path of issues that concern several of the paths."""


def read_adhoc_submission(
    paths: Sequence[Path], language: str = UNKNOWN, roster: tuple[Person, ...] = ()
) -> tuple[Submission, tuple[Issue, ...]]:
    """One submission from source files, archives and folders, and warnings about skipped files.

    Files in `language` are selected as in a lab, and names on the `roster` are added to its redactions. Raises
    InputError with all errors if a path cannot be read, two files have the same path, or there is no source file.
    """
    files: list[SourceFile] = []
    issues: list[Issue] = []
    for path in paths:
        found, path_issues = _read(path.absolute())
        files += found
        issues += path_issues
    issues += _check_files(files, failed=any(issue.severity is Severity.ERROR for issue in issues))
    if errors := [issue for issue in issues if issue.severity is Severity.ERROR]:
        raise InputError(errors)
    selected = tuple(sorted(files, key=lambda file: file.path))
    if language != UNKNOWN:
        others = IssueCollector(ROOT)
        selected = files_in_language(selected, language, "", others)
        issues += others.issues()
    submission = Submission(student="", folder="", files=selected)
    return with_redactions(submission, language, roster_names(roster)), tuple(issues)


def _read(path: Path) -> tuple[tuple[SourceFile, ...], tuple[Issue, ...]]:
    """The source files at an absolute path, and all issues found there."""
    issues, limits = IssueCollector(str(path.parent.parent).rstrip("/")), LabLimits()
    folder, name = path.parent.name, safe_name(path.name)
    where = f"{folder}/{name}"
    if path.is_dir():
        found = read_source_files(folder_files(path, where, limits, issues), where, limits, issues)
    elif archive_suffix(name):
        found = read_source_files(archive_files(path, where, limits, issues), where, limits, issues)
    else:
        found = read_source_files(iter([single_file(path, name, where, issues)]), folder, limits, issues)
    return found.files, issues.issues()


def _check_files(files: Sequence[SourceFile], *, failed: bool) -> tuple[Issue, ...]:
    """Errors for duplicate paths, and for a submission without files unless another error explains it (`failed`)."""
    issues = IssueCollector(ROOT)
    for name, count in Counter(file.path for file in files).items():
        if count > 1:
            issues.error(
                "duplicate-path",
                name,
                found=f"{count} files with this path",
                hint="Rename the others, or pass their common folder.",
            )
    if not files and not failed:
        issues.error("no-source", "")
    return issues.issues()
