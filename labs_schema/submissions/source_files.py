"""Finds the files of a submission in a folder or archive, and reads the source files among them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from labs_schema.errors import IssueCollector
from labs_schema.file_reader import (
    binary_kind,
    decode,
    list_folder,
    read_bytes,
    report_encoding,
    report_too_large,
)
from labs_schema.limits import LabLimits
from labs_schema.models import SourceFile
from labs_schema.source.languages import SOURCE_EXTENSIONS, extension
from labs_schema.submissions.archives import ARCHIVE_ERRORS, UnreadFile, read_archive, report_bad_archive
from labs_schema.submissions.file_names import (
    BINARY_EXTENSIONS,
    UNSUPPORTED_ARCHIVES,
    archive_suffix,
    junk_part,
    safe_name,
)

HEAD_BYTES = 8192


def folder_files(top: Path, where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    """Every file below `top`, links not followed. Junk folders are not entered; an archive directly in `top` is opened.

    `where` is the path of `top` in issues.
    """
    pending = [(top, "")]
    while pending:
        folder, prefix = pending.pop()
        if prefix.count("/") > limits.folder_levels:
            report_too_large("too-deep", f"{where}/...", "nested folders", limits.folder_levels, issues)
            continue
        for entry in list_folder(folder, f"{where}/{prefix}".rstrip("/"), issues):
            name, path = prefix + safe_name(entry.name), Path(entry.path)
            is_folder = entry.is_dir(follow_symlinks=False)
            if junk_part(name, folder=is_folder):
                yield UnreadFile(name, lambda _: b"")
            elif is_folder:
                pending.append((path, name + "/"))
            elif archive_suffix(name) and not prefix:
                for file in archive_files(path, f"{where}/{name}", limits, issues):
                    yield UnreadFile(f"archive/{file.path}", file.read)
            else:
                yield single_file(path, name, f"{where}/{name}", issues)


def archive_files(path: Path, where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    """The files in the archive at `path`."""
    data = read_bytes(path, where, limits.archive_bytes + 1, issues)
    if data is not None and len(data) > limits.archive_bytes:
        report_too_large("archive-too-big", where, "bytes", limits.archive_bytes, issues)
    elif data is not None:
        yield from read_archive(data, where, limits, issues)


def single_file(path: Path, name: str, where: str, issues: IssueCollector) -> UnreadFile:
    """The file at `path`, called `name` in its submission."""
    return UnreadFile(name, lambda max_bytes: read_bytes(path, where, max_bytes, issues))


class SourceFiles(NamedTuple):
    """The source files sorted by path, and the number of them whose line endings were converted."""

    files: tuple[SourceFile, ...]
    line_ends: int


def read_source_files(
    unread: Iterator[UnreadFile], where: str, limits: LabLimits, issues: IssueCollector
) -> SourceFiles:
    """The files in any supported language. Others are skipped with warnings; past a limit reading stops with an error.

    `where` is the path of the submission in issues.
    """
    files: dict[str, SourceFile] = {}
    junk_parts: set[str] = set()
    count = size = line_ends = 0
    for file in unread:
        if junk := junk_part(file.path):
            if junk not in junk_parts:
                found = "a file left behind by an editor, compiler or operating system"
                _report_skipped("litter", f"{where}/{junk}", found, issues)
            junk_parts.add(junk)
            continue
        count += 1
        if count > limits.submission_files:
            report_too_large("too-many-files", where, "files", limits.submission_files, issues)
            break
        text, converted = _read_source(file, f"{where}/{file.path}", limits, issues)
        if text is None:
            continue
        if file.path in files:
            _report_duplicate(f"{where}/{file.path}", issues)
        files[file.path] = SourceFile(path=file.path, text=text)
        line_ends += converted
        size += len(text)
        if size > limits.submission_bytes:
            report_too_large("submission-too-big", where, "characters of source", limits.submission_bytes, issues)
            break
    return SourceFiles(tuple(files[path] for path in sorted(files)), line_ends)


def _read_source(file: UnreadFile, name: str, limits: LabLimits, issues: IssueCollector) -> tuple[str | None, bool]:
    """The file's text and whether its line endings were converted; None if it is skipped or rejected."""
    is_source = extension(file.path) in SOURCE_EXTENSIONS
    try:
        data = file.read(limits.source_bytes + 1 if is_source else HEAD_BYTES)
    except ARCHIVE_ERRORS as error:
        report_bad_archive(name, error, issues)
        return None, False
    if data is None:
        return None, False
    kind = binary_kind(data[:HEAD_BYTES])
    if not is_source or kind:
        _report_not_source(file.path, name, kind, issues)
        return None, False
    if len(data) > limits.source_bytes:
        report_too_large("file-too-big", name, "bytes", limits.source_bytes, issues)
        return None, False
    decoded = decode(data)
    if decoded is None:
        _report_skipped("binary", name, "binary data (NUL bytes)", issues)
        return None, False
    if decoded.encoding != "UTF-8":
        report_encoding(name, decoded.encoding, issues)
    if not decoded.text.strip():
        issues.warning("empty-file", name)
    return decoded.text, decoded.line_ends


def _report_not_source(path: str, name: str, kind: str | None, issues: IssueCollector) -> None:
    if archive_suffix(path) or extension(path) in UNSUPPORTED_ARCHIVES:
        issues.warning("archive-inside", name)
    elif kind or extension(path) in BINARY_EXTENSIONS:
        _report_skipped("binary", name, kind or "a binary file", issues)
    else:
        _report_skipped("other-file", name, "a file in no supported programming language", issues)


def _report_skipped(code: str, name: str, found: str, issues: IssueCollector) -> None:
    hint = "The file is skipped; no action needed unless it contains source code."
    issues.warning(code, name, found=found, expected="source files only", hint=hint)


def _report_duplicate(name: str, issues: IssueCollector) -> None:
    issues.error("duplicate-path", name, hint="Rename one of them, or remove the wrong one from the archive.")
