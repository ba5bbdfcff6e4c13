"""A lab that is being read: its path, files, limits and issues."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from labs_schema.errors import IssueCollector, quoted
from labs_schema.files.decoding import known_encoding
from labs_schema.files.file_reader import read_text
from labs_schema.limits import LabLimits
from labs_schema.reading.lab_folders import ENCODING_FILE, SUBMISSIONS, tables_named
from labs_schema.student_ids import local_part
from labs_schema.tables.delimited import Row
from labs_schema.tables.reader import read_table_file

LIMITS = LabLimits()


@dataclass(frozen=True)
class LabFolder:
    """A lab that is being read. `available` are the names of its files; problems go to `issues`.

    `encoding`: the one in its encoding.txt, for files that are not UTF-8.
    """

    path: Path
    available: frozenset[str]
    issues: IssueCollector
    encoding: str | None = None

    @cached_property
    def submitted(self) -> frozenset[str]:
        """The ids that the names in submissions/ begin with: `s1` for `s1@course.zip`."""
        try:
            names = [entry.name for entry in (self.path / SUBMISSIONS).iterdir()]
            return frozenset(local_part(name.split(".")[0]) for name in names)
        except OSError:
            return frozenset()

    def text(self, name: str, max_bytes: int) -> str | None:
        """The text of a file; None if there is no such file or, with an error, if it cannot be read."""
        if name not in self.available:
            return None
        return read_text(self.path / name, name, max_bytes, self.issues, self.encoding)

    def table(self, name: str) -> tuple[list[Row], str] | None:
        """The rows and the name of the file that has `name` with any suffix of tables; None as for `text`."""
        found = tables_named(name, self.available)
        if len(found) > 1:
            self.issues.error("two-tables", found[1], found=f"a second file besides {found[0]}")
        rows = read_table_file(self.path / found[0], found[0], self.issues) if found else None
        return None if rows is None else (rows, found[0])


def with_encoding(lab: LabFolder) -> LabFolder:
    """The lab with the encoding in its encoding.txt; an error if there is no such encoding."""
    text = lab.text(ENCODING_FILE, LIMITS.statement_bytes)
    if text is None:
        return lab
    encoding = known_encoding(text)
    if encoding is None:
        lab.issues.error("unknown-encoding", ENCODING_FILE, found=f"the encoding {quoted(text.strip())}")
    return replace(lab, encoding=encoding)
