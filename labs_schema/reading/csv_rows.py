"""Comma-separated text to rows of stripped cells with their line numbers. Every cell stays text: `NA` is no gap.

Knows nothing of ratings. The standard `csv` module rather than pandas: it gives line numbers and guesses no types.
"""

import csv
import io
import re
from typing import NamedTuple

from labs_schema.errors import IssueCollector

_FORMULA = re.compile(r"'*[=+@-]")


class CsvRow(NamedTuple):
    """`line` is where the row begins, from 1."""

    line: int
    cells: tuple[str, ...]


def read_rows(text: str, path: str, longest_line: int, issues: IssueCollector) -> list[CsvRow] | None:
    """All rows, a blank line as a row without cells; None and an error where the text is empty or no CSV."""
    if not text.strip():
        _bad("empty-table", "nothing in the file", path, 1, issues)
        return None
    long = next((line for line, row in enumerate(text.split("\n"), start=1) if len(row) > longest_line), None)
    if long:
        _bad("long-line", f"a line of more than {longest_line:,} characters", path, long, issues)
        return None
    rows: list[CsvRow] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            rows.append(CsvRow(line, tuple(_unguarded(cell.strip()) for cell in cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        _bad("bad-csv", str(error), path, line, issues)
        return None
    return rows


def _bad(code: str, found: str, path: str, line: int, issues: IssueCollector) -> None:
    issues.error(
        code,
        path,
        line=line,
        found=found,
        expected="comma-separated cells, quoted by double quotes where they hold commas or line breaks",
        hint="Look for a quote that is not closed, or export the table again.",
    )


def guarded(cell: str) -> str:
    """The cell with a `'` before what a spreadsheet would run as a formula; `read_rows` takes it off again."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
