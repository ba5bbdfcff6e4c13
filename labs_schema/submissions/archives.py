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
from functools import partial
from typing import NamedTuple, Protocol

from labs_schema.errors import IssueCollector
from labs_schema.files.decoding import binary_format, decode
from labs_schema.files.file_reader import report_too_large
from labs_schema.limits import LabLimits
from labs_schema.submissions.file_names import archive_suffix, safe_member_path
from labs_schema.submissions.ignored import Ignored, ignored_paths

LIMITS = LabLimits()

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


class _Member(NamedTuple):
    """`kind` is a type of file as in `stat`, such as S_IFREG. `expands`: it is larger than a compressed file may be."""

    name: str
    kind: int
    read: Callable[[int], bytes]
    expands: bool = False


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
        else:
            members = _zip_members(data) if data.startswith(b"PK") else _tar_members(_decompress(data))
            yield from _files(list(members), where, issues)
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


def _zip_members(data: bytes) -> Iterator[_Member]:
    archive = zipfile.ZipFile(io.BytesIO(data))  # not closed: its members are read later
    for info in archive.infolist():
        mode = stat.S_IFMT(info.external_attr >> 16) or stat.S_IFREG
        other = stat.S_IFIFO if stat.S_ISDIR(mode) else mode  # with content: nothing is left out in silence
        kind = stat.S_IFDIR if info.is_dir() else other
        largest = max(LIMITS.ratio_from_bytes, LIMITS.compression_ratio * info.compress_size)
        yield _Member(_zip_name(info), kind, partial(read_zip_member, archive, info), info.file_size > largest)


def read_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """The first `max_bytes` bytes. Raises ARCHIVE_ERRORS."""
    with archive.open(info) as member:
        return member.read(max_bytes)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The member's name. zipfile reads names as cp437 unless they are marked as UTF-8; macOS does not mark its own."""
    if info.flag_bits & 0x800:
        return info.filename
    decoded = decode(info.filename.encode("cp437", errors="replace"))
    return decoded.text if decoded else info.filename


def _tar_members(data: bytes) -> Iterator[_Member]:
    archive = tarfile.open(fileobj=io.BytesIO(data), mode="r:")  # noqa: SIM115  # its members are read later
    for info in archive:
        link = stat.S_IFLNK if info.issym() or info.islnk() else stat.S_IFIFO
        kind = stat.S_IFDIR if info.isdir() else stat.S_IFREG if info.isreg() else link
        yield _Member(info.name, kind, partial(_read_tar_member, archive, info))


def _read_tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, max_bytes: int) -> bytes:
    member = archive.extractfile(info)
    return member.read(max_bytes) if member else b""


def _files(members: Sequence[_Member], where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    if len(members) > LIMITS.submission_entries:
        report_too_large("too-many-files", where, "files and folders", LIMITS.submission_entries, issues)
        return
    named = [(path, each) for each in members if (path := _member_path(each.name, where, issues)) is not None]
    ignored = ignored_paths([path for path, _ in named])
    for path, member in sorted(named, key=lambda each: each[0]):
        if stat.S_ISDIR(member.kind):
            continue
        if path not in ignored and not stat.S_ISREG(member.kind):
            issues.error("archive-link" if stat.S_ISLNK(member.kind) else "special-file", f"{where}/{path}")
            continue
        if path not in ignored and member.expands:
            raise _CompressionBombError
        yield UnreadFile(path, member.read, ignored.get(path))


def _member_path(name: str, where: str, issues: IssueCollector) -> str | None:
    path = safe_member_path(name)
    if path is None and name.strip("./"):
        issues.error("unsafe-name", where, found=f"a member named {name[:60]!a}")
    return path


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
