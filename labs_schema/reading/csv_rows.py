"""Reads CSV into rows of stripped text cells with line numbers, and escapes cells against formula injection.

Uses the csv module because pandas provides no line numbers and converts cells such as `NA` to missing values.
"""

import csv
import io
import re
from typing import NamedTuple

from labs_schema.errors import IssueCollector

_FORMULA = re.compile(r"'*[=+@-]")


class CsvRow(NamedTuple):
    """`line` is the line on which the row starts, from 1."""

    line: int
    cells: tuple[str, ...]


def read_rows(text: str, path: str, max_line_chars: int, issues: IssueCollector) -> list[CsvRow] | None:
    """All rows, blank lines as rows without cells; None and an error if the text is empty or invalid CSV."""
    if not text.strip():
        _report("empty-table", "an empty file", "Export the table again, or delete the file.", path, 1, issues)
        return None
    long = next((line for line, row in enumerate(text.split("\n"), start=1) if len(row) > max_line_chars), None)
    if long:
        found = f"a line of more than {max_line_chars:,} characters"
        _report("long-line", found, "Check for missing line breaks, or export the table again.", path, long, issues)
        return None
    rows: list[CsvRow] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            rows.append(CsvRow(line, tuple(unescape_formula(cell.strip()) for cell in cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        _report("bad-csv", str(error), "Close the quote in this row, or export the table again.", path, line, issues)
        return None
    return rows


def _report(code: str, found: str, hint: str, path: str, line: int, issues: IssueCollector) -> None:
    expected = "comma-separated cells, in double quotes if they contain commas or line breaks"
    issues.error(code, path, line=line, found=found, expected=expected, hint=hint)


def escape_formula(cell: str) -> str:
    """Prefixes a cell that a spreadsheet would execute as a formula with `'`. `read_rows` removes it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
