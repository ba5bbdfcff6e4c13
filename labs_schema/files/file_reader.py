"""Reads single files of a lab from disk: never through a link, never past a size limit, decoded as in `decoding`."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from labs_schema.errors import IssueCollector
from labs_schema.files.decoding import binary_kind, decode


def read_bytes(path: Path, name: str, max_bytes: int, issues: IssueCollector) -> bytes | None:
    """The first `max_bytes` bytes of the regular file at `path`; None and an error if it cannot be read.

    `name` is the path used in the error. Links, pipes and devices are rejected without being opened.
    """
    try:
        status = os.lstat(path)
        if is_special_file(status, name, issues):
            return None
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "a folder instead of a file")
        # The entry may be replaced between lstat and open: O_NOFOLLOW and the second check cover that.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return None if is_special_file(os.fstat(descriptor), name, issues) else file.read(max_bytes)
    except OSError as error:
        report_unreadable(name, error, issues)
        return None


def read_whole(
    path: Path, name: str, max_bytes: int, issues: IssueCollector, code: str = "file-too-big"
) -> bytes | None:
    """The regular file at `path`; None and an error if it cannot be read or, with `code`, if it is larger."""
    data = read_bytes(path, name, max_bytes + 1, issues)
    if data is None or len(data) <= max_bytes:
        return data
    report_too_large(code, name, "bytes", max_bytes, issues)
    return None


def read_input(path: Path, name: str, max_bytes: int, issues: IssueCollector) -> str:
    """The text of a file in UTF-8, the only encoding of inputs; empty, with an error, if the bytes are not UTF-8."""
    try:
        return (read_whole(path, name, max_bytes, issues) or b"").decode()
    except UnicodeDecodeError:
        issues.error("binary-file", name, found="bytes that are not UTF-8")
        return ""


def read_text(path: Path, name: str, max_bytes: int, issues: IssueCollector, encoding: str | None = None) -> str | None:
    """The text of one of the lab's own files; None and an error if it cannot be read. `encoding` as in `decode`."""
    data = read_whole(path, name, max_bytes, issues)
    if data is None:
        return None
    decoded = decode(data, encoding)
    if decoded is None:
        issues.error("binary-file", name, found=binary_kind(data) or "text with NUL characters")
        return None
    if decoded.encoding != "UTF-8":
        report_encoding(name, decoded.encoding, issues)
    return decoded.text


def list_folder(folder: Path, name: str, issues: IssueCollector) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder, sorted by name; empty, with an error, if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        report_unreadable(name, error, issues)
        return
    yield from found


def is_special_file(status: os.stat_result, name: str, issues: IssueCollector) -> bool:
    """True, with an error, for anything but regular files and folders."""
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return False
    issues.error("symlink" if stat.S_ISLNK(status.st_mode) else "special-file", name)
    return True


def report_unreadable(name: str, error: OSError, issues: IssueCollector) -> None:
    reason = error.strerror or type(error).__name__
    if isinstance(error, NotADirectoryError):
        issues.error("unreadable", name, found=reason, hint="Pass a folder; extract an archive first.")
    else:
        issues.error("unreadable", name, found=reason)


def report_encoding(name: str, encoding: str, issues: IssueCollector) -> None:
    issues.warning("not-utf-8", name, found=f"invalid UTF-8, decoded as {encoding}")


def report_too_large(code: str, name: str, unit: str, maximum: int, issues: IssueCollector) -> None:
    issues.error(code, name, found=f"more than {maximum:,} {unit}", expected=f"at most {maximum:,} {unit}")
