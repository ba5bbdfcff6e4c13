"""Tells a submission's source files from whatever else students hand in. Knows no students, no ratings and no disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from labs_schema.errors import IssueCollector
from labs_schema.file_reader import binary_kind, decode, list_folder, read_bytes, report_encoding, report_too_large
from labs_schema.limits import LabLimits
from labs_schema.models import SourceFile
from labs_schema.source.languages import SOURCE_EXTENSIONS, extension
from labs_schema.submissions.archives import DAMAGE, UnreadFile, archive_entries, bad_archive
from labs_schema.submissions.file_names import BINARY_EXTENSIONS, CLOSED_ARCHIVES, archive_suffix, junk_part, safe_name


def folder_entries(top: Path, where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    """Every file under `top`, folders of junk_part not entered; an archive directly in `top` reads as a folder.

    `where` is what issues call `top`.
    """
    waiting = [(top, "")]
    while waiting:
        folder, prefix = waiting.pop()
        if prefix.count("/") > limits.folder_depth:
            report_too_large("too-deep", f"{where}/...", "nested folders", limits.folder_depth, issues)
            continue
        for found in list_folder(folder, f"{where}/{prefix}".rstrip("/"), issues):
            name, path = prefix + safe_name(found.name), Path(found.path)
            folder_here = found.is_dir(follow_symlinks=False)
            if junk_part(name, folder=folder_here):
                yield UnreadFile(name, lambda _: b"")
            elif folder_here:
                waiting.append((path, name + "/"))
            elif archive_suffix(name) and not prefix:
                for entry in packed_entries(path, f"{where}/{name}", limits, issues):
                    yield UnreadFile(f"archive/{entry.path}", entry.read)
            else:
                yield file_entry(path, name, f"{where}/{name}", issues)


def packed_entries(path: Path, where: str, limits: LabLimits, issues: IssueCollector) -> Iterator[UnreadFile]:
    """The files in the archive at `path`."""
    data = read_bytes(path, where, limits.archive_bytes + 1, issues)
    if data is not None and len(data) > limits.archive_bytes:
        report_too_large("archive-too-big", where, "bytes", limits.archive_bytes, issues)
    elif data is not None:
        yield from archive_entries(data, where, limits, issues)


def file_entry(path: Path, name: str, where: str, issues: IssueCollector) -> UnreadFile:
    """The file at `path`, called `name` in its submission."""
    return UnreadFile(name, lambda most: read_bytes(path, where, most, issues))


HEAD_BYTES = 8192


class Found(NamedTuple):
    """The source files sorted by path, and in how many of them line ends were changed."""

    files: tuple[SourceFile, ...]
    line_ends: int


def source_files(entries: Iterator[UnreadFile], where: str, limits: LabLimits, issues: IssueCollector) -> Found:
    """The files in any known language. The rest is set aside with warnings; past a cap reading stops with an error.

    `where` is what issues call the submission.
    """
    files: dict[str, SourceFile] = {}
    left_behind: set[str] = set()
    count = size = line_ends = 0
    for entry in entries:
        rubbish = junk_part(entry.path)
        if rubbish:
            if rubbish not in left_behind:
                _set_aside("litter", f"{where}/{rubbish}", "what an editor, compiler or system left behind", issues)
            left_behind.add(rubbish)
            continue
        count += 1
        if count > limits.submission_files:
            report_too_large("too-many-files", where, "files", limits.submission_files, issues)
            break
        text, changed = _source_text(entry, f"{where}/{entry.path}", limits, issues)
        if text is None:
            continue
        if entry.path in files:
            _duplicate(f"{where}/{entry.path}", issues)
        files[entry.path] = SourceFile(path=entry.path, text=text)
        line_ends += changed
        size += len(text)
        if size > limits.submission_bytes:
            report_too_large("submission-too-big", where, "characters of source", limits.submission_bytes, issues)
            break
    return Found(tuple(files[path] for path in sorted(files)), line_ends)


def _source_text(entry: UnreadFile, name: str, limits: LabLimits, issues: IssueCollector) -> tuple[str | None, bool]:
    """The entry's text and whether its line ends were changed; None where it is set aside or refused."""
    source = extension(entry.path) in SOURCE_EXTENSIONS
    try:
        data = entry.read(limits.source_bytes + 1 if source else HEAD_BYTES)
    except DAMAGE as error:
        bad_archive(name, error, issues)
        return None, False
    if data is None:
        return None, False
    kind = binary_kind(data[:HEAD_BYTES])
    if not source or kind:
        _not_source(entry.path, name, kind, issues)
        return None, False
    if len(data) > limits.source_bytes:
        report_too_large("file-too-big", name, "bytes", limits.source_bytes, issues)
        return None, False
    decoded = decode(data)
    if decoded is None:
        _set_aside("binary", name, "bytes with NULs", issues)
        return None, False
    if decoded.encoding != "UTF-8":
        report_encoding(name, decoded.encoding, issues)
    if not decoded.text.strip():
        issues.warning(
            "empty-file",
            name,
            found="a source file with nothing in it",
            expected="a program",
            hint="Nothing to do if the student handed it in so.",
        )
    return decoded.text, decoded.line_ends


def _not_source(path: str, name: str, kind: str | None, issues: IssueCollector) -> None:
    if archive_suffix(path) or extension(path) in CLOSED_ARCHIVES:
        issues.warning(
            "archive-inside",
            name,
            found="an archive that is not opened",
            expected="source files, or one zip or tar archive of them",
            hint="Unpack it into the submission's folder if the work is in it.",
        )
    elif kind or extension(path) in BINARY_EXTENSIONS:
        _set_aside("binary", name, kind or "a file that is no text", issues)
    else:
        _set_aside("other-file", name, "a file that is not in a known programming language", issues)


def _set_aside(code: str, name: str, found: str, issues: IssueCollector) -> None:
    issues.warning(
        code, name, found=found, expected="source files only", hint="It is left out; nothing to do unless it matters."
    )


def _duplicate(name: str, issues: IssueCollector) -> None:
    issues.error(
        "duplicate-path",
        name,
        found="two files of one name",
        expected="one",
        hint="Rename one of them, or take the one that does not count out of the archive.",
    )
