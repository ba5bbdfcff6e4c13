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
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from labs_schema.errors import IssueCollector
from labs_schema.files.decoding import binary_format, decode
from labs_schema.files.file_reader import report_too_large
from labs_schema.limits import LabLimits
from labs_schema.submissions.file_names import archive_suffix, safe_member_path
from labs_schema.submissions.ignored import Ignored, ignored_paths

LIMITS = LabLimits()

Info = TypeVar("Info", zipfile.ZipInfo, tarfile.TarInfo)

ARCHIVE_ERRORS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, struct.error,
    RuntimeError, NotImplementedError, ValueError, IndexError, KeyError, OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""Exceptions of the standard library for damaged, encrypted and unsupported archives."""


class UnreadFile(NamedTuple):
    """A file of a submission that is not read yet.

    `read(n)` returns at most n bytes, or None with an error if it cannot be read. It may raise ARCHIVE_ERRORS.
    `ignored` is set for a file, or a folder in its place, that is not the student's work.
    """

    path: str
    read: Callable[[int], bytes | None]
    ignored: Ignored | None = None


class _Decompressor(Protocol):
    @property
    def unused_data(self) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _CompressionBombError(Exception):
    """Rejects an entire archive."""


def read_archive(data: bytes, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    """The regular files of the archive `data`, sorted by name. `where` ends with the archive's name.

    The content decides the format: a RAR archive that is called `.zip` is reported as what it is.
    """
    try:
        if kind := _other_format(data):
            name = archive_suffix(where) or "an archive"
            issues.error("unknown-archive", where, found=f"{kind}, although it is called {name}")
        elif data.startswith(b"PK"):
            yield from _zip_entries(data, where, issues)
        else:
            yield from _tar_entries(_decompress(data), where, issues)
    except _CompressionBombError:
        ratio, size = f"{LIMITS.compression_ratio} times", f"{LIMITS.expanded_bytes:,} bytes"
        found, expected = f"an expansion of more than {ratio} or {size}", f"at most {ratio} and {size}"
        issues.error("compression-bomb", where, found=found, expected=expected)
    except ARCHIVE_ERRORS as error:
        report_bad_archive(where, error, issues)


def _other_format(data: bytes) -> str | None:
    """A description of the data if it is not zip, gzip, bzip2, xz or tar data."""
    if data.startswith((b"PK", b"\x1f\x8b")):
        return None
    head = data[:200].lstrip().lower()
    return "a web page" if head.startswith((b"<!doctype html", b"<html")) else binary_format(data)


def report_bad_archive(where: str, error: BaseException, issues: IssueCollector) -> None:
    if "encrypted" in str(error) or "password" in str(error):
        issues.error("encrypted-archive", where)
    else:
        issues.error("bad-archive", where, found=f"a damaged or unsupported archive ({type(error).__name__})")


def _zip_entries(data: bytes, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    archive = zipfile.ZipFile(io.BytesIO(data))  # not closed: its members are read later
    found = [(_zip_name(info), info) for info in archive.infolist()]
    for path, ignored, info in _members(found, where, issues):
        mode = info.external_attr >> 16
        if info.is_dir():
            continue
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG) and not ignored:
            _reject_member(path, where, stat.S_ISLNK(mode), issues)
            continue
        if not ignored and info.file_size > max(LIMITS.ratio_from_bytes, LIMITS.compression_ratio * info.compress_size):
            raise _CompressionBombError

        def read(max_bytes: int, info: zipfile.ZipInfo = info) -> bytes:
            with archive.open(info) as member:
                return member.read(max_bytes)

        yield UnreadFile(path, read, ignored)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The member's name. zipfile reads names as cp437 unless they are marked as UTF-8; macOS does not mark its own."""
    if info.flag_bits & 0x800:
        return info.filename
    decoded = decode(info.filename.encode("cp437", errors="replace"))
    return decoded.text if decoded else info.filename


def _tar_entries(data: bytes, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    archive = tarfile.open(fileobj=io.BytesIO(data), mode="r:")  # noqa: SIM115  # its members are read later
    found = [(info.name, info) for info in archive]
    for path, ignored, info in _members(found, where, issues):
        if info.isdir():
            continue
        if not info.isreg() and not ignored:
            _reject_member(path, where, info.issym() or info.islnk(), issues)
            continue

        def read(max_bytes: int, info: tarfile.TarInfo = info) -> bytes:
            member = archive.extractfile(info)
            return member.read(max_bytes) if member else b""

        yield UnreadFile(path, read, ignored)


def _members(
    found: Sequence[tuple[str, Info]], where: str, issues: IssueCollector
) -> list[tuple[str, Ignored | None, Info]]:
    """The members with their safe paths, sorted by path, and why they are ignored."""
    if len(found) > LIMITS.submission_entries:
        report_too_large("too-many-files", where, "files and folders", LIMITS.submission_entries, issues)
        return []
    paths = [(path, info) for name, info in found if (path := _member_path(name, where, issues)) is not None]
    ignored = ignored_paths([path for path, info in paths])
    return sorted(((path, ignored.get(path), info) for path, info in paths), key=lambda member: member[0])


def _member_path(name: str, where: str, issues: IssueCollector) -> str | None:
    path = safe_member_path(name)
    if path is None and name.strip("./"):
        issues.error("unsafe-name", where, found=f"a member named {name[:60]!a}")
    return path


def _reject_member(path: str, where: str, link: bool, issues: IssueCollector) -> None:
    if link:
        issues.error("archive-link", f"{where}/{path}")
    else:
        hint = "Extract the archive and delete it."
        issues.error("special-file", f"{where}/{path}", found="a pipe or device in an archive", hint=hint)


def _decompress(data: bytes) -> bytes:
    """The tar file inside `data`, decompressed up to the size limits."""
    make = next((make for magic, make in _DECOMPRESSORS.items() if data.startswith(magic)), None)
    if make is None:
        return data
    max_bytes = min(LIMITS.expanded_bytes, max(LIMITS.ratio_from_bytes, LIMITS.compression_ratio * len(data)))
    parts, size, rest = [], 0, data
    while rest:
        decompressor = make()
        part = decompressor.decompress(rest, max_bytes + 1 - size)
        parts.append(part)
        size += len(part)
        if size > max_bytes:
            raise _CompressionBombError
        if not decompressor.eof:
            raise EOFError("the archive is truncated")
        rest = decompressor.unused_data.lstrip(b"\0")
    return b"".join(parts)


_DECOMPRESSORS: dict[bytes, Callable[[], _Decompressor]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(wbits=31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lambda: lzma.LZMADecompressor(memlimit=256 * 2**20),
}
