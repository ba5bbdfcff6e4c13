"""One program given by its files, outside any lab's folder: read with the rules and caps of a lab's submissions."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from labs_schema.errors import InputError, Issue, IssueCollector, Severity
from labs_schema.limits import LabLimits
from labs_schema.models import Person, SourceFile, Submission
from labs_schema.privacy.redaction import roster_names, with_redactions
from labs_schema.source.languages import UNKNOWN
from labs_schema.submissions.file_names import archive_suffix, safe_name
from labs_schema.submissions.source_files import file_entry, folder_entries, packed_entries, source_files
from labs_schema.submissions.submissions_folder import files_in

GIVEN = "the files given"


def read_adhoc_submission(
    paths: Sequence[Path], language: str = UNKNOWN, roster: tuple[Person, ...] = ()
) -> tuple[Submission, tuple[Issue, ...]]:
    """`paths` (source files, archives, folders) as one submission to a lab in `language`, and warnings of what was set
    aside. Like a lab's own submissions it keeps the files in that language, where it has any, and its words that name
    somebody of the `roster` are with_redactions.

    Raises InputError with all errors where a path cannot be read, two files have one name, or none is source.
    """
    files: list[SourceFile] = []
    issues: list[Issue] = []
    for path in paths:
        found, of_path = _read(path.absolute())
        files += found
        issues += of_path
    issues += _together(files, failed=any(issue.severity is Severity.ERROR for issue in issues))
    if errors := [issue for issue in issues if issue.severity is Severity.ERROR]:
        raise InputError(errors)
    named = tuple(sorted(files, key=lambda file: file.path))
    if language != UNKNOWN:
        others = IssueCollector(GIVEN)
        named = files_in(named, language, "", others)
        issues += others.issues()
    submission = Submission(student="", folder="", files=named)
    return with_redactions(submission, language, roster_names(roster)), tuple(issues)


def _read(path: Path) -> tuple[tuple[SourceFile, ...], tuple[Issue, ...]]:
    """The source files at an absolute path, and every issue there."""
    issues, limits = IssueCollector(str(path.parent.parent).rstrip("/")), LabLimits()
    folder, name = path.parent.name, safe_name(path.name)
    where = f"{folder}/{name}"
    if path.is_dir():
        found = source_files(folder_entries(path, where, limits, issues), where, limits, issues)
    elif archive_suffix(name):
        found = source_files(packed_entries(path, where, limits, issues), where, limits, issues)
    else:
        found = source_files(iter([file_entry(path, name, where, issues)]), folder, limits, issues)
    return found.files, issues.issues()


def _together(files: Sequence[SourceFile], *, failed: bool) -> tuple[Issue, ...]:
    """What is wrong with the files as one submission; that there are none is told where nothing else is wrong."""
    issues = IssueCollector(GIVEN)
    for name, count in Counter(file.path for file in files).items():
        if count > 1:
            issues.error(
                "duplicate-path", name, found=f"{count} files of one name", expected="one", hint="Rename the others."
            )
    if not files and not failed:
        issues.error("no-source", "", found="no source file", expected="a program", hint="Name its source files.")
    return issues.issues()
