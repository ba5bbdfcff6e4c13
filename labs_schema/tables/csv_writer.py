"""Writes CSV files: the only place that does, so that no cell of any export runs as a formula in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from labs_schema.tables.delimited import escape_formula

Cell = str | float | int | None
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_CHANGED_BY_EXCEL = re.compile(
    r"0\d+|\d{12,}|\d+(\.\d+)?e[+-]?\d+|\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?|true|false"
    rf"|\d{{1,2}}[-/ ]?{_MONTH}|{_MONTH}[-/ ]?\d{{1,4}}",
    re.IGNORECASE,
)


def csv_text(rows: Iterable[Sequence[Cell]], *, for_excel: bool = False) -> str:
    """The rows with LF line ends. Text that a spreadsheet would run is escaped; numbers are written as numbers.

    `for_excel`: a byte order mark, CR LF, and a tab before ids such as `007`, `1E5` and `3-4`, without which Excel
    changes them on opening. Readers of this product strip it.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n" if for_excel else "\n")
    writer.writerows([_cell(cell, for_excel) for cell in row] for row in rows)
    return ("\ufeff" if for_excel else "") + out.getvalue()


def write_csv(path: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Writes `csv_text` as UTF-8."""
    path.write_text(csv_text(rows), encoding="utf-8", newline="")


def _cell(cell: Cell, for_excel: bool) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        # Python's writer leaves a lone CR unquoted, and readers start a new row there.
        cell = cell.replace("\r\n", "\n").replace("\r", "\n")
        return f"\t{cell}" if for_excel and _CHANGED_BY_EXCEL.fullmatch(cell) else escape_formula(cell)
    return number(cell)


def number(value: float) -> str:
    """The number without an exponent and without a trailing `.0`."""
    return format(Decimal(repr(value)), "f").removesuffix(".0")
