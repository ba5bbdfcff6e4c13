"""Reads the submissions/ folder of a lab: for each student a folder, an archive or a single file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from labs_schema.errors import IssueCollector, quoted, quoted_list
from labs_schema.file_reader import is_special_file, list_folder
from labs_schema.limits import LabLimits
from labs_schema.models import SourceFile, Submission
from labs_schema.source.languages import SOURCE_EXTENSIONS, UNKNOWN, belongs_to, extension, majority_languages
from labs_schema.submissions.archives import UnreadFile
from labs_schema.submissions.file_names import (
    UNSUPPORTED_ARCHIVES,
    archive_suffix,
    junk_part,
    safe_name,
    student_id,
)
from labs_schema.submissions.source_files import archive_files, folder_files, read_source_files, single_file


def read_submissions(folder: Path, limits: LabLimits, issues: IssueCollector) -> tuple[Submission, ...]:
    """The submissions in `folder`, sorted by student, with files of any language."""
    found: dict[str, Submission] = {}
    line_ends = 0
    for entry in list_folder(folder, "submissions", issues):
        where = f"submissions/{safe_name(entry.name)}"
        name = _folder_name(entry, where, issues)
        if name is None or not _check_student(name, where, issues):
            continue
        student = student_id(name)
        if student in found:
            _report_duplicate(student, where, issues)
            continue
        files, converted = read_source_files(_files(entry, where, limits, issues), where, limits, issues)
        line_ends += converted
        found[student] = Submission(student=student, folder=name, files=files)
    if line_ends:
        issues.warning("line-ends", "submissions", found=f"CR LF or CR line endings (files: {line_ends:,})")
    return tuple(found[student] for student in sorted(found))


def select_language(
    submissions: tuple[Submission, ...], declared: str | None, issues: IssueCollector
) -> tuple[str, tuple[Submission, ...]]:
    """The lab's language, `declared` or detected, and the submissions reduced to files in it.

    A submission without such files keeps its other source files; one without any source file is removed. Both are
    warnings. If no file identifies a language, it is "unknown".
    """
    language = declared or _majority_language(([file.path for file in each.files] for each in submissions), issues)
    selected = []
    for submission in submissions:
        where = f"submissions/{submission.folder}"
        if submission.files:
            files = files_in_language(submission.files, language, where, issues)
            selected.append(submission.model_copy(update={"files": files}))
            continue
        issues.warning("no-program", where)
    return language, tuple(selected)


def files_in_language(
    files: tuple[SourceFile, ...], language: str, where: str, issues: IssueCollector
) -> tuple[SourceFile, ...]:
    """The `files` in `language`, or all of them if there are none; warns of the others either way."""
    own = tuple(file for file in files if belongs_to(file.path, language))
    if other := [file.path for file in files if not belongs_to(file.path, language)]:
        issues.warning(
            "other-language",
            where,
            found=f"files in another language: {quoted_list(other, 1)}",
            expected=f"files in {language}",
            hint="They are skipped." if own else f"They are graded, because there are no files in {language}.",
        )
    return own or files


def detect_language(folder: Path, limits: LabLimits, issues: IssueCollector) -> str:
    """The language of a lab by the file names in its submissions/. No file is read, and errors in single submissions
    are not reported."""
    paths, ignored = [], IssueCollector("")
    for entry in list_folder(folder, "submissions", ignored):
        where = safe_name(entry.name)
        if _folder_name(entry, where, ignored):
            found = islice(_files(entry, where, limits, ignored), limits.submission_files)
            paths.append([each.path for each in found if extension(each.path) in SOURCE_EXTENSIONS])
    return _majority_language(paths, issues)


def _majority_language(paths: Iterable[Sequence[str]], issues: IssueCollector) -> str:
    """`paths` are the file paths of each submission."""
    found = majority_languages(paths)
    if len(found) > 1:
        issues.error(
            "language-tie",
            "submissions",
            found=f"as many submissions in {' as in '.join(found)}",
            hint=f"Set the language in language.txt, for example {found[0]}.",
        )
    return found[0] if found else UNKNOWN


def _folder_name(entry: os.DirEntry[str], where: str, issues: IssueCollector) -> str | None:
    """The folder name of the submission (`s1@course`), without an archive's or file's suffix.

    None, with an issue, for an entry that is not a submission.
    """
    name = safe_name(entry.name)
    if name != entry.name:
        issues.warning(
            "odd-name",
            where,
            found=f"the name {quoted(entry.name)}",
            hint=f"It is read as {quoted(name)}; rename it to silence this warning.",
        )
    is_folder = entry.is_dir(follow_symlinks=False)
    if junk_part(name, folder=is_folder):
        _report_stray("litter", where, "a file left behind by an editor or operating system", issues)
    elif is_folder:
        return name
    elif is_special_file(os.lstat(entry.path), where, issues):
        return None
    elif suffix := archive_suffix(name):
        return name[: -len(suffix)]
    elif extension(name) in SOURCE_EXTENSIONS:
        return name[: -len(extension(name))]
    elif extension(name) in UNSUPPORTED_ARCHIVES:
        issues.error("unknown-archive", where, found=f"a {extension(name)} archive")
    else:
        _report_stray("stray-file", where, "a file that is not a submission", issues)
    return None


def _files(entry: os.DirEntry[str], where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    path = Path(entry.path)
    if entry.is_dir(follow_symlinks=False):
        return folder_files(path, where, limits, issues)
    if archive_suffix(entry.name):
        return archive_files(path, where, limits, issues)
    # A single file is named after the student, so it gets a neutral name.
    return iter([single_file(path, "submission" + extension(entry.name), where, issues)])


def _check_student(name: str, where: str, issues: IssueCollector) -> bool:
    if student_id(name):
        return True
    issues.error(
        "empty-student",
        where,
        expected="a name such as s1@course",
        hint="Rename the entry so that it starts with the student's id.",
    )
    return False


def _report_duplicate(student: str, where: str, issues: IssueCollector) -> None:
    issues.error(
        "duplicate-student",
        where,
        found=f"a second submission of student {quoted(student)}",
        expected="one entry for each student",
        hint="Delete the outdated one. Put several files of one student in a folder.",
    )


def _report_stray(code: str, where: str, found: str, issues: IssueCollector) -> None:
    issues.warning(code, where, found=found, expected="submissions only", hint="It is ignored; delete it.")
