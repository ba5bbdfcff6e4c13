"""Opens zip and tar archives that students hand in, in memory and by caps; nothing is ever extracted to disk.

Links, absolute names, `..`, encryption, bombs and damage each end in a named issue. Knows no labs and no languages.
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

DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, struct.error,
    RuntimeError, NotImplementedError, ValueError, IndexError, KeyError, OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""What the standard library raises on archives that are broken, encrypted or of an unknown make."""


class UnreadFile(NamedTuple):
    """A file of a submission, not yet read. `read(n)` gives at most n bytes, None with a issue where it cannot be read,
    and may raise one of DAMAGE."""

    path: str
    read: Callable[[int], bytes | None]


class _Expander(Protocol):
    @property
    def unused_data(self) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _RefusedError(Exception):
    """An archive that is refused as a whole: code, found, expected, hint."""


def archive_entries(data: bytes, where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    """The regular files of the archive `data`, in its own order. `where` ends in the archive's name."""
    try:
        if archive_suffix(where) == ".zip":
            yield from _zip_entries(data, where, limits, issues)
        else:
            yield from _tar_entries(_expanded(data, where, limits), where, issues)
    except _RefusedError as refused:
        code, found, expected, hint = refused.args
        issues.error(code, where, found=found, expected=expected, hint=hint)
    except DAMAGE as error:
        bad_archive(where, error, issues)


def bad_archive(where: str, error: BaseException, issues: IssueCollector) -> None:
    encrypted = "encrypted" in str(error) or "password" in str(error)
    issues.error(
        "encrypted-archive" if encrypted else "bad-archive",
        where,
        found="an encrypted member" if encrypted else f"an archive that cannot be read ({type(error).__name__})",
        expected="a zip or tar archive that opens without a password",
        hint="Unpack it yourself and put the files into a folder of the same name.",
    )


def _zip_entries(data: bytes, where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            path = _checked(info.filename, where, issues)
            if info.is_dir() or path is None:
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG) and not junk_part(path):
                _refuse_member(path, where, stat.S_ISLNK(mode), issues)
                continue
            if info.file_size > max(limits.ratio_from, limits.ratio * info.compress_size):
                raise _bomb(limits)

            def read(most: int, info: zipfile.ZipInfo = info) -> bytes:
                with archive.open(info) as member:
                    return member.read(most)

            yield UnreadFile(path, read)


def _tar_entries(data: bytes, where: str, issues: IssueCollector) -> Iterator[UnreadFile]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for info in archive:
            path = _checked(info.name, where, issues)
            if info.isdir() or path is None:
                continue
            if not info.isreg() and not junk_part(path):
                _refuse_member(path, where, info.issym() or info.islnk(), issues)
                continue

            def read(most: int, info: tarfile.TarInfo = info) -> bytes:
                member = archive.extractfile(info)
                return member.read(most) if member else b""

            yield UnreadFile(path, read)


def _checked(name: str, where: str, issues: IssueCollector) -> str | None:
    path = safe_member_path(name)
    if path is None and name.strip("./"):
        issues.error(
            "unsafe-name",
            where,
            found=f"a member named {name[:60]!a}",
            expected="names that stay safe_member_path the archive",
            hint="Look at the archive with care; put the files that belong to the work into a folder yourself.",
        )
    return path


def _refuse_member(path: str, where: str, link: bool, issues: IssueCollector) -> None:
    issues.error(
        "archive-link" if link else "special-file",
        f"{where}/{path}",
        found="a link in an archive" if link else "a pipe or device in an archive",
        expected="regular files and folders only",
        hint="Unpack the archive yourself and put the file itself into a folder.",
    )


def _expanded(data: bytes, where: str, limits: LabLimits) -> bytes:
    """The tar file safe_member_path `data`, decompressed no further than the caps."""
    suffix = archive_suffix(where) or ""
    if suffix == ".tar":
        return data
    most = min(limits.expanded_bytes, max(limits.ratio_from, limits.ratio * len(data)))
    parts, size, rest = [], 0, data
    while rest:
        expander = _expander(suffix)
        part = expander.decompress(rest, most + 1 - size)
        parts.append(part)
        size += len(part)
        if size > most:
            raise _bomb(limits)
        if not expander.eof:
            raise EOFError("the archive ends early")
        rest = expander.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _expander(suffix: str) -> _Expander:
    if suffix in (".tar.gz", ".tgz"):
        return zlib.decompressobj(wbits=31)
    if suffix in (".tar.bz2", ".tbz2"):
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(memlimit=256 * 2**20)


def _bomb(limits: LabLimits) -> _RefusedError:
    return _RefusedError(
        "compression-bomb",
        f"more than {limits.ratio} bytes for each compressed byte, or more than {limits.expanded_bytes:,} in all",
        f"at most {limits.ratio} times and {limits.expanded_bytes:,} bytes",
        "Do not unpack it; ask the student for the source files alone.",
    )
