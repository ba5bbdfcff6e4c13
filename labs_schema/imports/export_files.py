"""The files of an export, a folder or a zip file: bounded, without links, never outside of it."""

import os
import stat
import unicodedata
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from labs_schema.errors import InputError, IssueCollector, error_issue
from labs_schema.files.decoding import binary_kind, decode
from labs_schema.imports.platform_tables import PlatformTable, read_platform_table
from labs_schema.imports.records import ExportFile
from labs_schema.limits import ImportLimits, LabLimits
from labs_schema.submissions.archives import ARCHIVE_ERRORS, read_zip_member
from labs_schema.submissions.file_names import safe_member_path, safe_name

LIMITS = ImportLimits()
LAB_LIMITS = LabLimits()

IGNORED = frozenset({"__MACOSX", ".DS_Store", ".git", "Thumbs.db", "desktop.ini"})
"""Files and folders that operating systems and git add; they are never part of an export."""


@dataclass(frozen=True)
class Export:
    """The files in the order of their paths. `name` is that of the folder or zip file, without suffix.

    `folders` are the paths of folders, also of those whose files are missing or cannot be read. `assignment` is the one
    that the user chose, if the export has several.
    """

    name: str
    files: tuple[ExportFile, ...]
    issues: IssueCollector
    folders: frozenset[str] = frozenset()
    assignment: str | None = None

    @cached_property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)

    @cached_property
    def _by_path(self) -> dict[str, ExportFile]:
        return {file.path: file for file in self.files}

    @cached_property
    def top_folders(self) -> tuple[str, ...]:
        """Names of the folders at the top, also of those without files."""
        found = {path.split("/")[0] for path in self.folders} | {p.split("/")[0] for p in self.paths if "/" in p}
        return tuple(sorted(found - {""}))

    def file(self, path: str) -> ExportFile | None:
        return self._by_path.get(path)

    def inside(self, folder: str) -> "Export":
        """The files in `folder`, with paths relative to it."""
        start = f"{folder}/"
        files = [each._replace(path=each.path[len(start) :]) for each in self.files if each.path.startswith(start)]
        folders = frozenset(each[len(start) :] for each in self.folders if each.startswith(start))
        return replace(self, name=folder.split("/")[-1], files=tuple(files), folders=folders)

    def data(self, file: ExportFile) -> bytes | None:
        """The content of a file with metadata; None, with a warning, if it is damaged or too large."""
        try:
            data = file.read(LIMITS.metadata_bytes + 1)
        except ARCHIVE_ERRORS as error:
            self.issues.warning("skipped-file", file.path, found=f"a file that cannot be read ({type(error).__name__})")
            return None
        if len(data) <= LIMITS.metadata_bytes:
            return data
        found = f"more than {LIMITS.metadata_bytes:,} bytes of metadata"
        self.issues.warning("skipped-file", file.path, found=found)
        return None

    def text(self, file: ExportFile) -> str | None:
        """Like `data`, but decoded; None, with a warning, if it is binary."""
        data = self.data(file)
        decoded = None if data is None else decode(data)
        if data is not None and decoded is None:
            self.issues.warning("skipped-file", file.path, found=binary_kind(data) or "binary data")
        return decoded.text if decoded else None

    def table(self, file: ExportFile, issues: IssueCollector | None = None) -> PlatformTable | None:
        """The table in `file`. Faults go to `issues`; by default they are ignored."""
        data = self.data(file)
        ignored = IssueCollector("")
        return None if data is None else read_platform_table(data, file.path, ignored if issues is None else issues)


@contextmanager
def open_export(path: Path, issues: IssueCollector) -> Iterator[Export]:
    """The export at `path`. Raises InputError if it is missing, damaged or larger than the limits."""
    name = safe_name(path.absolute().name)
    folders: set[str] = set()
    if path.is_dir():
        files = tuple(sorted(_folder_files(path, issues, folders)))
        yield _checked(Export(name, files, issues, frozenset(folders)))
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise InputError([error_issue("no-export", name, found="no such file or folder")]) from error
    except ARCHIVE_ERRORS as error:
        found = f"neither a folder nor a readable zip file ({type(error).__name__})"
        hint = "Download the export again. Extract archives of other types, and pass the folder."
        raise InputError([error_issue("no-export", name, found=found, hint=hint)]) from error
    with archive:
        files = tuple(sorted(_zip_files(archive, issues, folders)))
        name = name.removesuffix(".zip").removesuffix(".ZIP")
        yield _checked(Export(name, files, issues, frozenset(folders)))


def open_table(path: Path, issues: IssueCollector) -> Export:
    """A single table as an export of one file."""
    name = safe_name(path.name)
    size = path.stat(follow_symlinks=False).st_size
    return Export(name, (ExportFile(name, size, partial(_read_file, path)),), issues)


def copyable_files(folder: Path, names: Collection[str], issues: IssueCollector) -> Iterator[ExportFile]:
    """The regular files of `folder` at the top-level `names`, and inside those of them that are folders."""
    for file in _folder_files(folder, issues, set()):
        if file.path.split("/")[0] in names:
            yield file


def _checked(export: Export) -> Export:
    too_large = sum(file.size for file in export.files) > LIMITS.export_bytes
    if too_large or len(export.files) > LIMITS.export_files:
        maximum = f"{LIMITS.export_files:,} files and {LIMITS.export_bytes:,} bytes"
        found, expected = "a larger export", f"at most {maximum}"
        raise InputError([error_issue("export-too-big", export.name, found=found, expected=expected)])
    return export


def _folder_files(top: Path, issues: IssueCollector, folders: set[str]) -> Iterator[ExportFile]:
    """Adds the paths of folders to `folders`."""
    pending, found = [(top, "")], 0
    while pending:
        folder, prefix = pending.pop()
        if prefix.count("/") > LabLimits().folder_levels:
            issues.warning("skipped-file", prefix, found="folders nested too deeply")
            continue
        for entry in _entries(folder, prefix, issues):
            path = prefix + unicodedata.normalize("NFC", safe_name(entry.name))
            if entry.name in IGNORED:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.add(path)
                pending.append((Path(entry.path), f"{path}/"))
            elif entry.is_file(follow_symlinks=False):
                found += 1
                size = entry.stat(follow_symlinks=False).st_size
                yield ExportFile(path, size, partial(_read_file, Path(entry.path)))
            else:
                issues.warning("skipped-file", path, found="a link or device")
            if found > LIMITS.export_files:
                return


def _entries(folder: Path, prefix: str, issues: IssueCollector) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        issues.warning("skipped-file", prefix, found=error.strerror or type(error).__name__)
        return []


def _read_file(path: Path, max_bytes: int) -> bytes:
    # The entry may have been replaced by a link since it was listed.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        return file.read(max_bytes)


def _zip_files(archive: zipfile.ZipFile, issues: IssueCollector, folders: set[str]) -> Iterator[ExportFile]:
    """Adds the paths of folders to `folders`."""
    for info in archive.infolist()[: LIMITS.export_files + 1]:
        path = safe_member_path(_zip_name(info))
        if path and IGNORED.isdisjoint(path.split("/")):
            folders.add(unicodedata.normalize("NFC", path if info.is_dir() else path.rpartition("/")[0]))
        if info.is_dir():
            continue
        if path is None:
            issues.warning("skipped-file", "", found=f"a path that points outside the export, {info.filename[:60]!a}")
        elif IGNORED.isdisjoint(path.split("/")):
            if fault := _member_fault(info):
                issues.warning("skipped-file", path, found=fault)
            else:
                read = partial(read_zip_member, archive, info)
                yield ExportFile(unicodedata.normalize("NFC", path), info.file_size, read)


def _member_fault(info: zipfile.ZipInfo) -> str:
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "a link or device"
    if info.flag_bits & 1:
        return "an encrypted file"
    if info.file_size > max(LAB_LIMITS.ratio_from_bytes, LAB_LIMITS.compression_ratio * info.compress_size):
        return f"an expansion of more than {LAB_LIMITS.compression_ratio} times"
    return f"more than {LIMITS.file_bytes:,} bytes" if info.file_size > LIMITS.file_bytes else ""


def _zip_name(info: zipfile.ZipInfo) -> str:
    """zipfile decodes names as code page 437 unless a flag declares UTF-8; many programs write UTF-8 without it."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename
