"""Finds the files of a submission in a folder or archive, and in the archives among them, without reading them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from labs_schema.errors import IssueCollector
from labs_schema.files.file_reader import list_folder, read_bytes, read_whole, report_too_large
from labs_schema.limits import LabLimits
from labs_schema.submissions.archives import ARCHIVE_ERRORS, UnreadFile, read_archive, report_bad_archive
from labs_schema.submissions.file_names import archive_suffix, safe_member_path
from labs_schema.submissions.ignored import Ignored, ignored_name, marked_folder

LIMITS = LabLimits()


def folder_files(top: Path, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    """Every file below `top`, and those in its archives. Links are not followed, ignored folders not entered.

    `where` is the path of `top` in issues.
    """
    return _opened(_walk(top, where, issues), _Archives(where, issues))


def archive_files(path: Path, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    """The files in the archive at `path`, and those in its archives."""
    data = read_whole(path, where, LIMITS.archive_bytes, issues, "archive-too-big")
    if data is not None:
        yield from opened_archive(data, where, issues)


def opened_archive(data: bytes, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    """The files in the archive `data`, and those in its archives. `where` ends with the archive's name."""
    return _opened(read_archive(data, where, issues), _Archives(where, issues))


def single_file(path: Path, name: str, where: str, issues: IssueCollector) -> UnreadFile:
    """The file at `path`, called `name` in its submission."""
    return UnreadFile(name, lambda max_bytes: read_bytes(path, where, max_bytes, issues))


def _walk(top: Path, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    pending = [(top, "")]
    while pending:
        folder, prefix = pending.pop()
        if prefix.count("/") > LIMITS.folder_levels:
            report_too_large("too-deep", f"{where}/...", "nested folders", LIMITS.folder_levels, issues)
            continue
        entries = list(list_folder(folder, f"{where}/{prefix}".rstrip("/"), issues))
        if prefix and (kind := marked_folder(entry.name for entry in entries)):
            yield _ignored(prefix, kind)
            continue
        for entry in entries:
            path, is_folder = Path(entry.path), entry.is_dir(follow_symlinks=False)
            name = safe_member_path(entry.name)
            if name is None:
                issues.error("unsafe-name", f"{where}/{prefix}".rstrip("/"), found=f"a file named {entry.name[:60]!a}")
            elif kind := ignored_name(name, folder=is_folder):
                yield _ignored(prefix + name + "/" * is_folder, kind)
            elif is_folder:
                pending.append((path, f"{prefix}{name}/"))
            else:
                yield single_file(path, prefix + name, f"{where}/{prefix}{name}", issues)


def _ignored(part: str, kind: str) -> UnreadFile:
    return UnreadFile(part, lambda _: b"", Ignored(part, kind))


class _Archives:
    """Opens the archives in a submission within the limits for all of them together."""

    def __init__(self, where: str, issues: IssueCollector) -> None:
        self._where, self._issues = where, issues
        self._opened = self._bytes = 0

    def open(self, file: UnreadFile, path: str, level: int) -> Iterator[UnreadFile]:
        """The files in the archive `file`, which is `path` in its submission."""
        where = f"{self._where}/{path}"
        self._opened += 1
        if level > LIMITS.archive_levels or self._opened > LIMITS.archives:
            unit, maximum = (
                ("archives inside each other", LIMITS.archive_levels)
                if level > LIMITS.archive_levels
                else ("archives", LIMITS.archives)
            )
            report_too_large("nested-archives", where, unit, maximum, self._issues)
            return
        try:
            data = file.read(LIMITS.archive_bytes + 1)
        except ARCHIVE_ERRORS as error:
            report_bad_archive(where, error, self._issues)
            return
        self._bytes += len(data or b"")
        if data is not None and len(data) > LIMITS.archive_bytes:
            report_too_large("archive-too-big", where, "bytes", LIMITS.archive_bytes, self._issues)
        elif self._bytes > LIMITS.expanded_bytes:
            report_too_large("compression-bomb", where, "bytes in archives", LIMITS.expanded_bytes, self._issues)
        elif data is not None:
            yield from read_archive(data, where, self._issues)


def _opened(files: Iterator[UnreadFile], archives: _Archives, path: str = "", level: int = 1) -> Iterator[UnreadFile]:
    """The files, with those of archives in a folder `archive`, `archive2`, ... so that no name reveals the student."""
    numbers: Counter[str] = Counter()
    for file in files:
        if file.ignored or not archive_suffix(file.path):
            yield file
            continue
        folder = file.path.rpartition("/")[0]
        numbers[folder] += 1
        number = str(numbers[folder]) if numbers[folder] > 1 else ""
        prefix = f"{folder}/archive{number}/".removeprefix("/")
        place = f"{path}/{file.path}".removeprefix("/")
        for inner in _opened(archives.open(file, place, level), archives, place, level + 1):
            ignored = inner.ignored and inner.ignored._replace(part=prefix + inner.ignored.part)
            yield UnreadFile(prefix + inner.path, inner.read, ignored)
