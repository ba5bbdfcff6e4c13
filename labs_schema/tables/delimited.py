"""Reads delimited text into rows of stripped cells with line numbers, and escapes cells against formula injection.

Uses the csv module because pandas provides no line numbers and converts cells such as `NA` to missing values.
"""

import csv
import io
import re
from collections import Counter
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from labs_schema.errors import IssueCollector

DELIMITERS = ",;\t|"
_SEP_LINE = re.compile(r'"?sep=(.)"?[,;\t ]*', re.IGNORECASE)
_SAMPLE_CHARS, _SAMPLE_ROWS = 1_000_000, 100
_FORMULA = re.compile(r"'*\s*[=+@\-\uff1d\uff0b\uff20\uff0d]")  # whitespace and full-width signs run as well


class Row(NamedTuple):
    """`line` is the line of the text, or the row of the sheet, on which the row starts, from 1."""

    line: int
    cells: tuple[str, ...]


def parse_delimited(text: str, path: str, max_line_chars: int, issues: IssueCollector) -> list[Row] | None:
    """All rows, blank lines as rows without cells; None and an error if the text is empty or its quoting is invalid.

    The delimiter is that of Excel's `sep=` line, or else whichever gives most rows the same width.
    """
    if not text.strip():
        issues.error("empty-table", path, line=1, found="an empty file")
        return None
    long = next((line for line, row in enumerate(text.split("\n"), start=1) if len(row) > max_line_chars), None)
    if long:
        issues.error("long-line", path, line=long, found=f"a line of more than {max_line_chars:,} characters")
        return None
    first, _, rest = text.partition("\n")
    declared = _SEP_LINE.fullmatch(first)
    line, body = (2, rest) if declared else (1, text)
    return _rows(body, declared[1] if declared else _delimiter(body), line, path, issues)


def _rows(text: str, delimiter: str, line: int, path: str, issues: IssueCollector) -> list[Row] | None:
    rows: list[Row] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    skipped = line - 1
    try:
        for cells in reader:
            rows.append(Row(line, tuple(unescape_formula(cell.strip()) for cell in cells)))
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        issues.error("bad-csv", path, line=line, found=str(error))
        return None
    return rows


def _delimiter(text: str) -> str:
    """The delimiter by which most of the first rows have the same number of cells, at least 2; a comma if none has."""
    sample = text[:_SAMPLE_CHARS]

    def agreement(delimiter: str) -> float:
        widths = []
        with suppress(csv.Error):  # a cell that is too long: the rows before it decide
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
            widths = [len(cells) for cells in islice(reader, _SAMPLE_ROWS) if any(cells)]
        if len(sample) < len(text) and len(widths) > 1:
            widths.pop()  # may be cut off
        width, count = max(Counter(widths).items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        return count / len(widths) if width > 1 else 0.0

    return max(DELIMITERS, key=agreement)  # the first of equals: the writer's own tables have commas


def escape_formula(cell: str) -> str:
    """Prefixes a cell that a spreadsheet would execute as a formula with `'`. `parse_delimited` removes it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
