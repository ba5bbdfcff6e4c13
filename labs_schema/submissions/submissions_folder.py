"""Reads the submissions/ folder of a lab: for each student a folder, an archive or a single file."""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from labs_schema.errors import Issue, IssueCollector, quoted, quoted_list
from labs_schema.files.file_reader import is_special_file, list_folder
from labs_schema.limits import LabLimits
from labs_schema.models import SourceFile
from labs_schema.source.languages import SOURCE_EXTENSIONS, UNKNOWN, belongs_to, extension, majority_languages
from labs_schema.student_ids import local_part, written_id
from labs_schema.submissions.archives import UnreadFile
from labs_schema.submissions.file_names import (
    UNSUPPORTED_ARCHIVES,
    archive_suffix,
    safe_name,
)
from labs_schema.submissions.ignored import ignored_name
from labs_schema.submissions.source_files import ReadingRules, SourceFiles, read_source_files
from labs_schema.submissions.unread_files import archive_files, folder_files, single_file

LIMITS = LabLimits()


class SubmissionEntry(NamedTuple):
    """An entry of the submissions folder. `name` is the student's id as written, `where` its path in issues.

    `fault` is the first error in it, None if it was read. `skipped` describes files that were not read, and `unread`
    are the codes of files that cannot be read in addition to its `files`.
    """

    name: str
    where: str
    files: tuple[SourceFile, ...] = ()
    fault: Issue | None = None
    skipped: str | None = None
    unread: tuple[str, ...] = ()


def read_submissions(
    folder: Path, known: Set[str], issues: IssueCollector, rules: ReadingRules
) -> tuple[SubmissionEntry, ...]:
    """The entries of `folder` in the order of their names, with files of any language. Errors in one concern only it,
    and errors in a file only that file, if others can be read.

    A file of another type, such as `s1@course.pdf`, is an entry if its name has an `@` or is one of the ids `known`
    from tables.
    """
    entries = []
    line_ends = 0
    for entry in list_folder(folder, "submissions", issues):
        where = f"submissions/{safe_name(entry.name)}"
        own = issues.empty_copy()
        name = _entry_name(entry, where, known, own)
        if name is None:
            issues.add_all(own)
            continue
        found = SourceFiles()
        if not own.failed:
            found = read_source_files(_files(entry, where, own), where, own, rules)
        line_ends += found.line_ends
        fault = issues.reject_submission(found.tolerated(own))
        entries.append(SubmissionEntry(written_id(name), where, found.files, fault, found.skipped, found.unread))
    if line_ends:
        issues.warning("line-ends", "submissions", found=f"CR LF or CR line endings (files: {line_ends:,})")
    return tuple(entries)


def select_language(
    entries: Sequence[SubmissionEntry], declared: str | None, issues: IssueCollector
) -> tuple[str, tuple[SubmissionEntry, ...]]:
    """The lab's language, `declared` or detected, and the entries reduced to files in it.

    An entry without such files keeps its other source files; one without any source file gets the fault `no-program`.
    Both are warnings. If no file identifies a language, it is "unknown".
    """
    read = [each for each in entries if each.fault is None]
    language = declared or _majority_language(([file.path for file in each.files] for each in read), issues)
    return language, tuple(_in_language(each, language, issues) for each in entries)


def _in_language(entry: SubmissionEntry, language: str, issues: IssueCollector) -> SubmissionEntry:
    if entry.fault:
        return entry._replace(files=())
    if entry.files:
        return entry._replace(files=files_in_language(entry.files, language, entry.where, issues))
    own = issues.empty_copy()
    own.error("no-program", entry.where, found=f"no source file{f', only {entry.skipped}' if entry.skipped else ''}")
    return entry._replace(fault=issues.reject_submission(own))


def files_in_language(
    files: tuple[SourceFile, ...], language: str, where: str, issues: IssueCollector
) -> tuple[SourceFile, ...]:
    """The `files` in `language`, or all of them if there are none; warns of the others either way."""
    own = tuple(file for file in files if _may_be_in(file.path, language))
    if other := [file.path for file in files if not _may_be_in(file.path, language)]:
        issues.warning(
            "other-language",
            where,
            found=f"files in another language: {quoted_list(other, 1)}",
            expected=f"files in {language}",
            hint="They are skipped." if own else f"They are graded, because there are no files in {language}.",
        )
    return own or files


def _may_be_in(path: str, language: str) -> bool:
    """Programs without a known extension count as in the lab's language."""
    return belongs_to(path, language) or extension(path) not in SOURCE_EXTENSIONS


def detect_language(folder: Path, issues: IssueCollector) -> str:
    """The language of a lab by the file names in its submissions/. No file is read, and errors in single submissions
    are not reported."""
    paths, ignored = [], IssueCollector("")
    for entry in list_folder(folder, "submissions", ignored):
        where = safe_name(entry.name)
        own = IssueCollector("")
        if _entry_name(entry, where, frozenset(), own) and not own.failed:
            found = islice(_files(entry, where, ignored), LIMITS.submission_files)
            paths.append([each.path for each in found if extension(each.path) in SOURCE_EXTENSIONS])
    return _majority_language(paths, issues)


def _majority_language(paths: Iterable[Sequence[str]], issues: IssueCollector) -> str:
    """`paths` are the file paths of each submission."""
    found = majority_languages(paths)
    if len(found) > 1:
        issues.error("language-tie", "submissions", found=f"as many submissions in {' as in '.join(found)}")
    return found[0] if found else UNKNOWN


def _entry_name(entry: os.DirEntry[str], where: str, known: Set[str], issues: IssueCollector) -> str | None:
    """The id under which the entry was submitted (`s1@course`), without an archive's or file's suffix.

    None, with a warning, for an entry that is not a submission. An error if the submission cannot be read.
    """
    name = safe_name(entry.name)
    if name != unicodedata.normalize("NFC", entry.name):
        issues.warning("odd-name", where, found=f"the name {quoted(entry.name)}, which is read as {quoted(name)}")
    is_folder = entry.is_dir(follow_symlinks=False)
    if ignored_name(name, folder=is_folder):
        issues.warning("litter", where)
        return None
    student = name if is_folder else _without_suffix(name, known)
    if student is None:
        issues.warning("stray-file", where, found="a file that is not a submission", expected="submissions only")
    elif not local_part(student):
        issues.error("empty-student", where, hint="Rename the entry so that it starts with the student's id.")
    elif is_folder or is_special_file(os.lstat(entry.path), where, issues):
        return student
    elif extension(name) in UNSUPPORTED_ARCHIVES and not archive_suffix(name):
        issues.error("unknown-archive", where, found=f"a {extension(name)} archive")
    return student


def _without_suffix(name: str, known: Set[str]) -> str | None:
    """The id in the name of a file; None if neither its type nor its name is that of a submission."""
    suffix = archive_suffix(name) or extension(name)
    stem = name[: -len(suffix)] if suffix else name
    if archive_suffix(name) or suffix in SOURCE_EXTENSIONS or suffix in UNSUPPORTED_ARCHIVES:
        return stem
    if written_id(name) in known and written_id(stem) not in known:
        return name  # `s1@uni.example` has no suffix
    return stem if "@" in stem or written_id(stem) in known else None


def _files(entry: os.DirEntry[str], where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    path = Path(entry.path)
    if entry.is_dir(follow_symlinks=False):
        return folder_files(path, where, issues)
    if archive_suffix(entry.name):
        return archive_files(path, where, issues)
    # A single file is named after the student, so it gets a neutral name.
    return iter([single_file(path, "submission" + extension(entry.name), where, issues)])
