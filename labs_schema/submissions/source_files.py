"""Reads the source files among the files of a submission."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from labs_schema.errors import IssueCollector, quoted_list
from labs_schema.files.decoding import binary_kind, decode
from labs_schema.files.file_reader import report_encoding, report_too_large
from labs_schema.frozen import Frozen
from labs_schema.limits import LabLimits
from labs_schema.models import SourceFile
from labs_schema.source.languages import OWN_EXTENSIONS, SOURCE_EXTENSIONS, extension
from labs_schema.submissions.archives import ARCHIVE_ERRORS, UnreadFile, report_bad_archive
from labs_schema.submissions.file_copies import find_copies
from labs_schema.submissions.file_names import (
    BINARY_EXTENSIONS,
    UNSUPPORTED_ARCHIVES,
    without_appended_extension,
)
from labs_schema.submissions.ignored import ambiguous_paths
from labs_schema.submissions.notebooks import NOTEBOOK, read_notebook
from labs_schema.submissions.skipped_files import SkippedFiles

LIMITS = LabLimits()

HEAD_BYTES = 8192
FILE_FAULTS = frozenset({
    "archive-link", "archive-too-big", "bad-archive", "encrypted-archive", "file-too-big", "nested-archives",
    "special-file", "symlink", "unknown-archive", "unreadable",
})  # fmt: skip
"""Codes of errors in a single file, which leave the other files of a submission readable."""
_GRADED = "The student's other files are graded, and the grade goes to human review."
UNNAMED = ("", ".txt", ".text")
"""Extensions of files that are read if they contain code and the submission has no source file."""
_CODE = re.compile(
    r"\A#!.*\b(?:python|perl|ruby|bash|sh|node|Rscript|php)|^[ \t]*#[ \t]*include[ \t]*[<\"]|\bint\s+main\s*\("
    r"|^[ \t]*(?:public\s+)?class\s+\w+\s*[{:(]|^[ \t]*def\s+\w+\s*\([^\n]*:\s*$|^(?:import|from)\s+[\w.]+[^\n.]*;?\s*$"
    r"|^(?:func|fn|fun)\s+main\s*\(|^[ \t]*using\s+(?:namespace\s+)?[\w.]+;|^[ \t]*print(?:ln|f)?\s*\([^\n]*\);?\s*$",
    re.MULTILINE,
)


class ReadingRules(Frozen):
    """`encoding`: the one in the lab's `encoding.txt`. `text_cells`: text cells of notebooks are read, as comments."""

    encoding: str | None = None
    text_cells: bool = False


class SourceFiles(NamedTuple):
    """The source files sorted by path, and the number of them whose line endings were converted.

    `skipped` describes the other files that may contain the program, None if there are none. `unread` are the codes of
    the files that cannot be read, if there are others: their errors are `tolerated`.
    """

    files: tuple[SourceFile, ...] = ()
    line_ends: int = 0
    skipped: str | None = None
    unread: tuple[str, ...] = ()

    def tolerated(self, issues: IssueCollector) -> IssueCollector:
        """`issues` of the submission, in which the errors of unread files are warnings."""
        return issues.tolerating(frozenset(self.unread), _GRADED)


def read_source_files(
    unread: Iterator[UnreadFile],
    where: str,
    issues: IssueCollector,
    rules: ReadingRules = ReadingRules(),  # noqa: B008  # immutable
) -> SourceFiles:
    """The files in any supported language. Others are skipped with a warning for each kind.

    A file whose extension is hidden (`main.c.txt`) is read as what it is. If there is no source file, text files
    without extension or with `.txt` are read if they contain code. `where` is the path of the submission in issues.
    """
    files = list(islice(unread, LIMITS.submission_entries + 1))
    if len(files) > LIMITS.submission_entries:
        report_too_large("too-many-files", where, "files of any type", LIMITS.submission_entries, issues)
    files.sort(key=lambda file: file.path)
    reader = _Reader(where, issues, rules)
    generated = ambiguous_paths([file.path for file in files if not file.ignored and _is_source(file.path)])
    own = [file for file in files if not (file.ignored or file.path in generated)]
    taken = {file.path for file in own}
    for file in files:
        if ignored := file.ignored or generated.get(file.path):
            reader.skipped.ignore(ignored)
    unnamed: list[UnreadFile] = []
    for file in own:
        plain = without_appended_extension(file.path)
        path = plain if plain and plain not in taken else file.path
        if not _is_source(path) and extension(path) in UNNAMED:
            unnamed.append(file)
        elif not reader.add(file._replace(path=path)):
            break
    reader.add_unnamed(unnamed)
    return reader.finish()


def _is_source(path: str) -> bool:
    return extension(path) in SOURCE_EXTENSIONS


class _Reader:
    """The source files of a submission that have been read, and those that were skipped."""

    def __init__(self, where: str, issues: IssueCollector, rules: ReadingRules) -> None:
        self._where, self._issues, self._rules = where, issues, rules
        self.skipped = SkippedFiles(where)
        self._texts: dict[str, str] = {}
        self._line_ends: set[str] = set()
        self._size = 0

    def add(self, file: UnreadFile) -> bool:
        """Reads a file with an extension. False, with an error, if the submission is past a limit."""
        if not _is_source(file.path):
            self._skip(file)
            return True
        largest = LIMITS.notebook_bytes if extension(file.path) == NOTEBOOK else LIMITS.source_bytes
        data = self._bytes(file, largest)
        if data is None:
            return True
        if extension(file.path) == NOTEBOOK:
            return self._add_notebook(file.path, data)
        if kind := binary_kind(data):
            self.skipped.add("binary", kind, file.path)
            return True
        return self._add_text(file.path, data)

    def add_unnamed(self, files: Sequence[UnreadFile]) -> None:
        """Text files without a known extension: read if they contain code and there is no other program."""
        alone = not self._texts
        for file in files:
            data = self._bytes(file, LIMITS.source_bytes) if alone else None
            decoded = decode(data, self._rules.encoding) if data else None
            if data and decoded and _CODE.search(decoded.text):
                self._add_text(file.path, data)
            else:
                self._skip(file)

    def finish(self) -> SourceFiles:
        copies = find_copies(self._texts)
        for path in copies.same:
            del self._texts[path]
        for code, paths in (("copy-of-file", copies.same), ("file-versions", copies.versions)):
            if paths:
                self._issues.warning(code, self._where, found=quoted_list(list(paths), 3))
        self.skipped.report(self._issues)
        files = tuple(SourceFile(path=path, text=self._texts[path]) for path in sorted(self._texts))
        unread = tuple(sorted(self._issues.errors & FILE_FAULTS | self.skipped.unread)) if files else ()
        return SourceFiles(files, len(self._line_ends & self._texts.keys()), self.skipped.summary(), unread)

    def _bytes(self, file: UnreadFile, max_bytes: int) -> bytes | None:
        """The content; None, with an error, if it cannot be read or is too long."""
        name = f"{self._where}/{file.path}"
        try:
            data = file.read(max_bytes + 1)
        except ARCHIVE_ERRORS as error:
            report_bad_archive(name, error, self._issues)
            return None
        if data is not None and len(data) > max_bytes and not binary_kind(data[:HEAD_BYTES]):
            report_too_large("file-too-big", name, "bytes", max_bytes, self._issues)
            return None
        return data

    def _add_notebook(self, path: str, data: bytes) -> bool:
        notebook = read_notebook(data, text_cells=self._rules.text_cells)
        if notebook is None:
            self.skipped.add("bad-notebook", "an invalid notebook", path)
            return True
        own = () if notebook.language == "Python" else OWN_EXTENSIONS[notebook.language][:1]
        return self._add_text("".join((path, *own)), notebook.text.encode())

    def _add_text(self, path: str, data: bytes) -> bool:
        name = f"{self._where}/{path}"
        decoded = decode(data, self._rules.encoding)
        if decoded is None:
            self.skipped.add("binary", "binary data (NUL bytes)", path)
            return True
        if decoded.encoding != "UTF-8":
            report_encoding(name, decoded.encoding, self._issues)
        if not decoded.text.strip():
            self._issues.warning("empty-file", name)
        if path in self._texts:
            self._issues.error("duplicate-path", name)
        self._texts[path] = decoded.text
        self._line_ends |= {path} if decoded.line_ends else set()
        self._size += len(decoded.text)
        if self._size > LIMITS.submission_bytes:
            unit = "characters of source"
            report_too_large("submission-too-big", self._where, unit, LIMITS.submission_bytes, self._issues)
        elif len(self._texts) > LIMITS.submission_files:
            report_too_large("too-many-files", self._where, "source files", LIMITS.submission_files, self._issues)
        else:
            return True
        return False

    def _skip(self, file: UnreadFile) -> None:
        """A file that is not a source file: only its beginning is read, to describe it."""
        try:
            head = file.read(HEAD_BYTES)
        except ARCHIVE_ERRORS as error:
            report_bad_archive(f"{self._where}/{file.path}", error, self._issues)
            return
        if head is None:
            return
        kind, suffix = binary_kind(head), extension(file.path)
        if suffix in UNSUPPORTED_ARCHIVES or kind in ("a RAR archive", "a 7z archive"):
            self.skipped.add("archive-inside", kind or f"a {suffix} archive", file.path)
        elif suffix in (".docx", ".odt"):
            self.skipped.add("binary", "a Word or other Office document", file.path)
        elif kind or suffix in BINARY_EXTENSIONS:
            self.skipped.add("binary", kind or "a binary file", file.path)
        else:
            self.skipped.add("other-file", "a file in no supported programming language", file.path)
