"""Tells a submission's source files from whatever else students hand in. Knows no students, no ratings and no disk."""

from collections.abc import Iterator
from typing import NamedTuple

from labs_schema.collector import FaultCollector
from labs_schema.decoding import binary_kind, decode
from labs_schema.file_reader import not_utf8, too_big
from labs_schema.limits import Limits
from labs_schema.models import SourceFile
from labs_schema.source.languages import SOURCE_EXTENSIONS, extension
from labs_schema.submissions.archives import DAMAGE, Entry, bad_archive
from labs_schema.submissions.file_names import BINARY_EXTENSIONS, CLOSED_ARCHIVES, archive_suffix, litter

HEAD_BYTES = 8192


class Found(NamedTuple):
    """The source files sorted by path, and in how many of them line ends were changed."""

    files: tuple[SourceFile, ...]
    line_ends: int


def source_files(entries: Iterator[Entry], where: str, limits: Limits, faults: FaultCollector) -> Found:
    """The files in any known language. The rest is set aside with warnings; past a cap reading stops with an error.

    `where` is what faults call the submission.
    """
    files: dict[str, SourceFile] = {}
    left_behind: set[str] = set()
    count = size = line_ends = 0
    for entry in entries:
        rubbish = litter(entry.path)
        if rubbish:
            if rubbish not in left_behind:
                _set_aside("litter", f"{where}/{rubbish}", "what an editor, compiler or system left behind", faults)
            left_behind.add(rubbish)
            continue
        count += 1
        if count > limits.submission_files:
            too_big("too-many-files", where, "files", limits.submission_files, faults)
            break
        text, changed = _source_text(entry, f"{where}/{entry.path}", limits, faults)
        if text is None:
            continue
        if entry.path in files:
            _duplicate(f"{where}/{entry.path}", faults)
        files[entry.path] = SourceFile(path=entry.path, text=text)
        line_ends += changed
        size += len(text)
        if size > limits.submission_bytes:
            too_big("submission-too-big", where, "characters of source", limits.submission_bytes, faults)
            break
    return Found(tuple(files[path] for path in sorted(files)), line_ends)


def _source_text(entry: Entry, name: str, limits: Limits, faults: FaultCollector) -> tuple[str | None, bool]:
    """The entry's text and whether its line ends were changed; None where it is set aside or refused."""
    source = extension(entry.path) in SOURCE_EXTENSIONS
    try:
        data = entry.read(limits.source_bytes + 1 if source else HEAD_BYTES)
    except DAMAGE as error:
        bad_archive(name, error, faults)
        return None, False
    if data is None:
        return None, False
    kind = binary_kind(data[:HEAD_BYTES])
    if not source or kind:
        _not_source(entry.path, name, kind, faults)
        return None, False
    if len(data) > limits.source_bytes:
        too_big("file-too-big", name, "bytes", limits.source_bytes, faults)
        return None, False
    decoded = decode(data)
    if decoded is None:
        _set_aside("binary", name, "bytes with NULs", faults)
        return None, False
    if decoded.encoding != "UTF-8":
        not_utf8(name, decoded.encoding, faults)
    if not decoded.text.strip():
        faults.warning(
            "empty-file",
            name,
            found="a source file with nothing in it",
            expected="a program",
            hint="Nothing to do if the student handed it in so.",
        )
    return decoded.text, decoded.line_ends


def _not_source(path: str, name: str, kind: str | None, faults: FaultCollector) -> None:
    if archive_suffix(path) or extension(path) in CLOSED_ARCHIVES:
        faults.warning(
            "archive-inside",
            name,
            found="an archive that is not opened",
            expected="source files, or one zip or tar archive of them",
            hint="Unpack it into the submission's folder if the work is in it.",
        )
    elif kind or extension(path) in BINARY_EXTENSIONS:
        _set_aside("binary", name, kind or "a file that is no text", faults)
    else:
        _set_aside("other-file", name, "a file that is not in a known programming language", faults)


def _set_aside(code: str, name: str, found: str, faults: FaultCollector) -> None:
    faults.warning(
        code, name, found=found, expected="source files only", hint="It is left out; nothing to do unless it matters."
    )


def _duplicate(name: str, faults: FaultCollector) -> None:
    faults.error(
        "duplicate-path",
        name,
        found="two files of one name",
        expected="one",
        hint="Rename one of them, or take the one that does not count out of the archive.",
    )
