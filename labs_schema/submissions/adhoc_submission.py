"""Reads one submission from outside a lab: paths of `grader grade`, files or an archive of a request.

Every way in has the rules of a submission in a lab: the same files give the same submission, with the same hash.
"""

import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from labs_schema.errors import Issue, IssueCollector, raise_errors
from labs_schema.models import Criterion, Person, Submission
from labs_schema.privacy.redaction import roster_names, with_redactions
from labs_schema.source.languages import LANGUAGES, UNKNOWN
from labs_schema.submissions.archives import UnreadFile
from labs_schema.submissions.file_names import archive_suffix, safe_name
from labs_schema.submissions.notebooks import asks_about_text
from labs_schema.submissions.source_files import ReadingRules, read_source_files
from labs_schema.submissions.submissions_folder import files_in_language
from labs_schema.submissions.unread_files import archive_files, folder_files, opened_archive, single_file

REQUEST = "submission"
"""The root of issues with the files of a request."""


def read_adhoc_submission(
    paths: Sequence[Path],
    language: str = UNKNOWN,
    roster: tuple[Person, ...] = (),
    criteria: Sequence[Criterion] = (),
    encoding: str | None = None,
) -> tuple[Submission, tuple[Issue, ...]]:
    """One submission from source files, archives and folders, and warnings about skipped files.

    Files in `language` are selected as in a lab, and names on the `roster` are added to its redactions. Text cells of
    notebooks are read if the `criteria` ask about text. `encoding` is the lab's, for files that are not UTF-8.
    Raises InputError with all errors if a path cannot be read, two files have the same path, or none is source code.
    """
    absolute = [path.absolute() for path in paths]
    top = (
        absolute[0]
        if len(absolute) == 1 and absolute[0].is_dir()
        else Path(os.path.commonpath([path.parent for path in absolute]))
    )
    issues = IssueCollector(str(top.parent).rstrip("/"))
    files = chain.from_iterable(_files(path, top, top.name, issues) for path in absolute)
    rules = ReadingRules(encoding=encoding, text_cells=asks_about_text(criteria))
    submission, warnings = _read(files, top.name, language, rules, issues)
    return with_redactions(submission, language, roster_names(roster)), warnings


def read_given_files(files: Sequence[tuple[str, str]], language: str, criteria: Sequence[Criterion] = ()) -> Submission:
    """One submission from (path, text) pairs. They are read as an archive of these files. Raises InputError."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, text in files:
            archive.writestr(zipfile.ZipInfo(path), text.encode())
    return read_given_archive("files.zip", data.getvalue(), language, criteria)


def read_given_archive(
    name: str, data: bytes, language: str, criteria: Sequence[Criterion] = (), encoding: str | None = None
) -> Submission:
    """One submission from the content of an archive called `name`; otherwise as `read_adhoc_submission`."""
    issues = IssueCollector(REQUEST)
    files = opened_archive(data, f"files/{safe_name(name)}", issues)
    rules = ReadingRules(encoding=encoding, text_cells=asks_about_text(criteria))
    return _read(files, "files", language, rules, issues)[0]


def _read(
    files: Iterator[UnreadFile], where: str, language: str, rules: ReadingRules, issues: IssueCollector
) -> tuple[Submission, tuple[Issue, ...]]:
    """The submission and the warnings. Raises InputError with all errors, also if there is no source file."""
    found = read_source_files(files, where, issues, rules)
    issues, own = found.tolerated(issues), found.files
    if not own and not issues.failed:
        only = f", only {found.skipped}" if found.skipped else ""
        issues.error("no-source", where, found=f"no source file{only}")
    if language in LANGUAGES:
        own = files_in_language(own, language, where, issues)
    raise_errors(issues.issues())
    return Submission(student="", folder="", files=own, unread=found.unread), issues.issues()


def _files(path: Path, top: Path, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    """The files at `path`, which is `top` or below it; `where` is the path of `top` in issues."""
    place = "/".join((where, *map(safe_name, path.relative_to(top).parts)))
    if path.is_dir():
        return folder_files(path, place, issues)
    if archive_suffix(path.name):
        return archive_files(path, place, issues)
    return iter([single_file(path, safe_name(path.name), place, issues)])
