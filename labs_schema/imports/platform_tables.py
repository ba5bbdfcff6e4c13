"""Tables of platforms: cells by the normalized heading of their column."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labs_schema.errors import IssueCollector
from labs_schema.reading.roster import folded_heading
from labs_schema.tables.delimited import Row
from labs_schema.tables.reader import read_table


@dataclass(frozen=True)
class PlatformTable:
    """`header` as written; `rows` are padded to its width, blank rows left out."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """Normalized: see `folded_heading`."""
        return tuple(map(folded_heading, self.header))

    def records(self) -> Iterator[Mapping[str, str]]:
        """Each row by normalized heading; of equal headings the first one counts."""
        names = self.headings
        for row in self.rows:
            yield {name: row[index] for index, name in reversed(list(enumerate(names)))}


def read_platform_table(data: bytes, name: str, issues: IssueCollector) -> PlatformTable | None:
    """The table in `data`, delimited text or a spreadsheet; None, with an error, if it is neither or has no heading."""
    rows = read_table(data, name, issues)
    header, *others = rows or [Row(1, ())]
    if rows is not None and not any(header.cells):
        issues.error("empty-table", name, line=1, found="a first row without headings")
    if not any(header.cells):
        return None
    width = len(header.cells)
    return PlatformTable(header.cells, tuple(_padded(row.cells, width) for row in others if any(row.cells)))


def _padded(row: Sequence[str], width: int) -> tuple[str, ...]:
    return (*row, *[""] * (width - len(row)))[:width]


def points_title(marks: float) -> str:
    """The title of a rating that the platform only gives as a number."""
    return f"{marks:g} point{'' if marks == 1 else 's'}"


def number_of(cell: str) -> float | None:
    """The number in a cell such as `1.50` or `1,5`; None for anything else."""
    text = cell.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"[-+]?\d{1,12}(\.\d{1,12})?", text) else None
