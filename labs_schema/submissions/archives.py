"""Reads submitted zip and tar archives in memory, within size limits. Nothing is extracted to disk.

Links, absolute paths, `..`, encryption, compression bombs and damage are each reported with their own code.
"""

import bz2
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from labs_schema.errors import IssueCollector
from labs_schema.limits import LabLimits
from labs_schema.submissions.file_names import archive_suffix, junk_part, safe_member_path

ARCHIVE_ERRORS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, struct.error,
    RuntimeError, NotImplementedError, ValueError, IndexError, KeyError, OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""Exceptions of the standard library for damaged, encrypted and unsupported archives."""


class UnreadFile(NamedTuple):
    """A file of a submission that is not read yet.

    `read(n)` returns at most n bytes, or None with an error if it cannot be read. It may raise ARCHIVE_ERRORS.
    """

    path: str
    read: Callable[[int], bytes | None]


class _Decompressor(Protocol):
    @property
    def unused_data(self) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _RejectedArchiveError(Exception):
    """Rejects an entire archive; args are code, found, expected, hint."""


def read_archive(data: bytes, where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    """The regular files of the archive `data`, in archive order. `where` ends with the archive's name."""
    try:
        if archive_suffix(where) == ".zip":
            yield from _zip_entries(data, where, limits, issues)
        else:
            yield from _tar_entries(_decompress(data, where, limits), where, issues)
    except _RejectedArchiveError as rejected:
        code, found, expected, hint = rejected.args
        issues.error(code, where, found=found, expected=expected, hint=hint)
    except ARCHIVE_ERRORS as error:
        report_bad_archive(where, error, issues)


def report_bad_archive(where: str, error: BaseException, issues: IssueCollector) -> None:
    encrypted = "encrypted" in str(error) or "password" in str(error)
    issues.error(
        "encrypted-archive" if encrypted else "bad-archive",
        where,
        found="an encrypted member" if encrypted else f"a damaged or unsupported archive ({type(error).__name__})",
        expected="a zip or tar archive without a password",
        hint="Extract it and put the files in a folder of the same name.",
    )


def _zip_entries(data: bytes, where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            path = _member_path(info.filename, where, issues)
            if info.is_dir() or path is None:
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG) and not junk_part(path):
                _reject_member(path, where, stat.S_ISLNK(mode), issues)
                continue
            if info.file_size > max(limits.ratio_from_bytes, limits.compression_ratio * info.compress_size):
                raise _compression_bomb(limits)

            def read(max_bytes: int, info: zipfile.ZipInfo = info) -> bytes:
                with archive.open(info) as member:
                    return member.read(max_bytes)

            yield UnreadFile(path, read)


def _tar_entries(data: bytes, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for info in archive:
            path = _member_path(info.name, where, issues)
            if info.isdir() or path is None:
                continue
            if not info.isreg() and not junk_part(path):
                _reject_member(path, where, info.issym() or info.islnk(), issues)
                continue

            def read(max_bytes: int, info: tarfile.TarInfo = info) -> bytes:
                member = archive.extractfile(info)
                return member.read(max_bytes) if member else b""

            yield UnreadFile(path, read)


def _member_path(name: str, where: str, issues: IssueCollector) -> str | None:
    path = safe_member_path(name)
    if path is None and name.strip("./"):
        issues.error("unsafe-name", where, found=f"a member named {name[:60]!a}")
    return path


def _reject_member(path: str, where: str, link: bool, issues: IssueCollector) -> None:
    issues.error(
        "archive-link" if link else "special-file",
        f"{where}/{path}",
        found="a link in an archive" if link else "a pipe or device in an archive",
        expected="regular files and folders only",
        hint="Extract the archive and replace the link with a copy of its target."
        if link
        else "Extract the archive and delete it.",
    )


def _decompress(data: bytes, where: str, limits: LabLimits) -> bytes:
    """The tar file inside `data`, decompressed up to the size limits."""
    suffix = archive_suffix(where) or ""
    if suffix == ".tar":
        return data
    max_bytes = min(limits.expanded_bytes, max(limits.ratio_from_bytes, limits.compression_ratio * len(data)))
    parts, size, rest = [], 0, data
    while rest:
        decompressor = _decompressor(suffix)
        part = decompressor.decompress(rest, max_bytes + 1 - size)
        parts.append(part)
        size += len(part)
        if size > max_bytes:
            raise _compression_bomb(limits)
        if not decompressor.eof:
            raise EOFError("the archive is truncated")
        rest = decompressor.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _decompressor(suffix: str) -> _Decompressor:
    if suffix in (".tar.gz", ".tgz"):
        return zlib.decompressobj(wbits=31)
    if suffix in (".tar.bz2", ".tbz2"):
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(memlimit=256 * 2**20)


def _compression_bomb(limits: LabLimits) -> _RejectedArchiveError:
    return _RejectedArchiveError(
        "compression-bomb",
        f"an expansion of more than {limits.compression_ratio} times or {limits.expanded_bytes:,} bytes",
        f"at most {limits.compression_ratio} times and {limits.expanded_bytes:,} bytes",
        "Do not extract it. Ask the student for the source files only.",
    )
