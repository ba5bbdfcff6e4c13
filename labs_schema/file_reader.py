"""Reads single files of a lab from disk, never through a link and never more than a cap. Knows no file's meaning."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from labs_schema.collector import FaultCollector
from labs_schema.decoding import binary_kind, decode


def read_bytes(path: Path, name: str, most: int, faults: FaultCollector) -> bytes | None:
    """The first `most` bytes of the regular file at `path`; None and a fault where it cannot be read.

    `name` is what the fault calls it. Links, pipes and devices are refused without being opened.
    """
    try:
        status = os.lstat(path)
        if refused_kind(status, name, faults):
            return None
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "a folder in the place of a file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return None if refused_kind(os.fstat(descriptor), name, faults) else file.read(most)
    except OSError as error:
        unreadable(name, error, faults)
        return None


def read_text(path: Path, name: str, most: int, faults: FaultCollector) -> str | None:
    """The text of a file of the lab itself, by the rule of `decoding`; None and an error where there is none."""
    data = read_bytes(path, name, most + 1, faults)
    if data is None:
        return None
    if len(data) > most:
        too_big("file-too-big", name, "bytes", most, faults)
        return None
    decoded = decode(data)
    if decoded is None:
        faults.error(
            "binary-file",
            name,
            found=binary_kind(data) or "text with NUL characters",
            expected="plain text",
            hint="Save the file as UTF-8 text.",
        )
        return None
    if decoded.encoding != "UTF-8":
        not_utf8(name, decoded.encoding, faults)
    return decoded.text


def scan(folder: Path, name: str, faults: FaultCollector) -> Iterator[os.DirEntry[str]]:
    """The entries of a folder, sorted by name; nothing and a fault where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        unreadable(name, error, faults)
        return
    yield from found


def refused_kind(status: os.stat_result, name: str, faults: FaultCollector) -> bool:
    """True, with an error, for whatever is neither a regular file nor a folder."""
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return False
    link = stat.S_ISLNK(status.st_mode)
    faults.error(
        "symlink" if link else "special-file",
        name,
        found="a symbolic link" if link else "a pipe, socket or device",
        expected="a regular file or a folder",
        hint="Put the file itself there, or delete the entry.",
    )
    return True


def unreadable(name: str, error: OSError, faults: FaultCollector) -> None:
    faults.error(
        "unreadable",
        name,
        found=error.strerror or type(error).__name__,
        expected="something that can be opened",
        hint="Give a folder; unpack an archive first."
        if isinstance(error, NotADirectoryError)
        else "Check that its name is right, and its permissions.",
    )


def not_utf8(name: str, encoding: str, faults: FaultCollector) -> None:
    faults.warning(
        "not-utf-8",
        name,
        found=f"text that is not UTF-8, read as {encoding}",
        expected="UTF-8",
        hint="Check that its letters are right; save the file as UTF-8 to be rid of this.",
    )


def too_big(code: str, name: str, what: str, most: int, faults: FaultCollector) -> None:
    """An error for something past a cap; `what` is the unit."""
    faults.error(
        code,
        name,
        found=f"more than {most:,} {what}",
        expected=f"at most {most:,} {what}",
        hint="Check that it is the right file; shorten it or take it out.",
    )
