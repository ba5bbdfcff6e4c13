"""Tables of platforms: any usual delimiter, cells by the normalized heading of their column."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class PlatformTable:
    """`header` as written; `rows` are padded to its width, blank rows left out."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def records(self) -> Iterator[Mapping[str, str]]:
        """Each row by normalized heading; of equal headings the first one counts."""
        names = [heading_key(cell) for cell in self.header]
        for row in self.rows:
            yield {name: row[index] for index, name in reversed(list(enumerate(names)))}


def heading_key(heading: str) -> str:
    """`sisuserid` for `SIS User ID`; accents removed."""
    plain = unicodedata.normalize("NFKD", heading.casefold())
    return re.sub(r"[^a-z0-9]", "", plain)


def delimiter_of(text: str) -> str:
    """The delimiter of the header line, by the number of cells that it gives."""
    first = text.lstrip("\ufeff\r\n ").split("\n", 1)[0]
    return max(DELIMITERS, key=lambda delimiter: len(next(_rows(first, delimiter), ())))


def read_platform_table(text: str) -> PlatformTable | None:
    """None if `text` is not a table: no header, NUL characters, or cells longer than the csv module reads."""
    try:
        rows = [tuple(cell.strip() for cell in row) for row in _rows(text.lstrip("\ufeff"), delimiter_of(text))]
    except csv.Error:
        return None
    header, *others = rows or [()]
    if not any(header):
        return None
    return PlatformTable(header, tuple(_padded(row, len(header)) for row in others if any(row)))


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _padded(row: Sequence[str], width: int) -> tuple[str, ...]:
    return (*row, *[""] * (width - len(row)))[:width]


def number_of(cell: str) -> float | None:
    """The number in a cell such as `1.50` or `1,5`; None for anything else."""
    text = cell.strip().replace(",", ".")
    return float(text) if re.fullmatch(r"[-+]?\d{1,12}(\.\d{1,12})?", text) else None
