"""The submissions folder of a lab: one entry a student, as a folder, an archive or a single file. Knows no ratings."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from labs_schema.errors import IssueCollector, quoted
from labs_schema.file_reader import is_special_file, list_folder
from labs_schema.limits import LabLimits
from labs_schema.models import SourceFile, Submission
from labs_schema.source.languages import SOURCE_EXTENSIONS, UNKNOWN, belongs, extension, likely
from labs_schema.submissions.archives import UnreadFile
from labs_schema.submissions.file_names import CLOSED_ARCHIVES, archive_suffix, junk_part, safe_name, student_id
from labs_schema.submissions.source_files import file_entry, folder_entries, packed_entries, source_files


def read_submissions(folder: Path, limits: LabLimits, issues: IssueCollector) -> tuple[Submission, ...]:
    """The submissions under `folder` (`submissions/` of a lab), sorted by student, files of any language."""
    found: dict[str, Submission] = {}
    line_ends = 0
    for entry in list_folder(folder, "submissions", issues):
        where = f"submissions/{safe_name(entry.name)}"
        name = _folder_name(entry, where, issues)
        if name is None or not _good_student(name, where, issues):
            continue
        student = student_id(name)
        if student in found:
            _twice(student, where, issues)
            continue
        files, changed = source_files(_entries(entry, where, limits, issues), where, limits, issues)
        line_ends += changed
        found[student] = Submission(student=student, folder=name, files=files)
    if line_ends:
        issues.warning(
            "line-ends",
            "submissions",
            found=f"{line_ends:,} files with CR LF or CR line ends",
            expected="LF",
            hint="They are read as LF; nothing to do.",
        )
    return tuple(found[student] for student in sorted(found))


def in_language(
    submissions: tuple[Submission, ...], said: str | None, issues: IssueCollector
) -> tuple[str, tuple[Submission, ...]]:
    """The lab's language, which is `said` where something says it, and the submissions with its files only.

    A submission that has none of them keeps the files of the other language it is written in; one without any source
    file is left out. Both are warnings. Where nothing tells the language it is "unknown".
    """
    language = said or _language(([file.path for file in each.files] for each in submissions), issues)
    kept = []
    for submission in submissions:
        where = f"submissions/{submission.folder}"
        if not submission.files:
            issues.warning(
                "no-program",
                where,
                found="no source file",
                expected="at least one",
                hint="The submission is left out; look whether the work is in a file that was set aside.",
            )
        else:
            files = files_in(submission.files, language, where, issues)
            kept.append(submission.model_copy(update={"files": files}))
    return language, tuple(kept)


def files_in(
    files: tuple[SourceFile, ...], language: str, where: str, issues: IssueCollector
) -> tuple[SourceFile, ...]:
    """The `files` of a submission in `language`, or all of them where none is; a warning of the others either way."""
    own = tuple(file for file in files if belongs(file.path, language))
    if other := [file.path for file in files if not belongs(file.path, language)]:
        issues.warning(
            "other-language",
            where,
            found=f"{len(other)} files such as {quoted(other[0])}",
            expected=f"files in {language}",
            hint="They are left out." if own else "They are read, because there is nothing else.",
        )
    return own or files


def language_by_names(folder: Path, limits: LabLimits, issues: IssueCollector) -> str:
    """The language of a lab by the names of the files under its `submissions/`, none of which is read. What is wrong
    with single submissions is not told."""
    paths, untold = [], IssueCollector("")
    for entry in list_folder(folder, "submissions", untold):
        where = safe_name(entry.name)
        if _folder_name(entry, where, untold):
            found = islice(_entries(entry, where, limits, untold), limits.submission_files)
            paths.append([each.path for each in found if extension(each.path) in SOURCE_EXTENSIONS])
    return _language(paths, issues)


def _language(paths: Iterable[Sequence[str]], issues: IssueCollector) -> str:
    """By the paths of every submission."""
    found = likely(paths)
    if len(found) > 1:
        issues.error(
            "language-tie",
            "submissions",
            found=f"as many submissions in {' as in '.join(found)}",
            expected="one language for the lab",
            hint=f"Write the one that is meant into language.txt in the lab's folder, such as {found[0]}.",
        )
    return found[0] if found else UNKNOWN


def _folder_name(entry: os.DirEntry[str], where: str, issues: IssueCollector) -> str | None:
    """The name a folder of this submission would have (`s1@course`), None for an entry that is no submission."""
    name = safe_name(entry.name)
    if name != entry.name:
        issues.warning(
            "odd-name",
            where,
            found=f"the name {quoted(entry.name)}",
            expected="a name of printable UTF-8 characters",
            hint=f"It is read as {quoted(name)}; rename it to be rid of this.",
        )
    folder = entry.is_dir(follow_symlinks=False)
    if junk_part(name, folder=folder):
        _stray("litter", where, "what an editor or system left behind", issues)
    elif folder:
        return name
    elif is_special_file(os.lstat(entry.path), where, issues):
        return None
    elif suffix := archive_suffix(name):
        return name[: -len(suffix)]
    elif extension(name) in SOURCE_EXTENSIONS:
        return name[: -len(extension(name))]
    elif extension(name) in CLOSED_ARCHIVES:
        issues.error(
            "unknown-archive",
            where,
            found=f"a {extension(name)} archive",
            expected="a folder, a source file, or a zip or tar archive",
            hint="Unpack it into a folder of the same name.",
        )
    else:
        _stray("stray-file", where, "a file that is no submission", issues)
    return None


def _entries(entry: os.DirEntry[str], where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    path = Path(entry.path)
    if entry.is_dir(follow_symlinks=False):
        return folder_entries(path, where, limits, issues)
    if archive_suffix(entry.name):
        return packed_entries(path, where, limits, issues)
    return iter([file_entry(path, "submission" + extension(entry.name), where, issues)])


def _good_student(name: str, where: str, issues: IssueCollector) -> bool:
    if student_id(name):
        return True
    issues.error(
        "empty-student",
        where,
        found="no student before the @",
        expected="a name such as s1@course",
        hint="Put the student's id first.",
    )
    return False


def _twice(student: str, where: str, issues: IssueCollector) -> None:
    issues.error(
        "duplicate-student",
        where,
        found=f"a second submission of {quoted(student)}",
        expected="one entry a student",
        hint="Keep the one that counts; two files of one student belong into one folder.",
    )


def _stray(code: str, where: str, found: str, issues: IssueCollector) -> None:
    issues.warning(code, where, found=found, expected="submissions only", hint="It is left out; delete it.")
