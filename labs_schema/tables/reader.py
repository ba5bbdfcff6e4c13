"""Reads a table from CSV, TSV, Excel or OpenDocument; the format is found from the content, never from the name."""

from pathlib import Path

from labs_schema.errors import IssueCollector
from labs_schema.files.decoding import binary_kind, decode
from labs_schema.files.file_reader import read_bytes, report_encoding, report_too_large
from labs_schema.limits import LabLimits
from labs_schema.tables.delimited import Row, parse_delimited
from labs_schema.tables.spreadsheets import is_spreadsheet, read_spreadsheet

LIMITS = LabLimits()

TABLE_SUFFIXES = (".csv", ".tsv", ".xlsx", ".ods")


def is_table_name(name: str) -> bool:
    return name.lower().endswith(TABLE_SUFFIXES)


def read_table_file(path: Path, name: str, issues: IssueCollector) -> list[Row] | None:
    """Like `read_table`, for the regular file at `path`. Links, pipes and devices are errors."""
    data = read_bytes(path, name, LIMITS.table_bytes + 1, issues)
    return None if data is None else read_table(data, name, issues)


def read_table(data: bytes, name: str, issues: IssueCollector) -> list[Row] | None:
    """All rows with their line (or spreadsheet row) numbers; None, with an error, if it is not a readable table.

    Cells are stripped text, without the `'` that protects a cell from being run as a formula. Blank lines are rows
    without cells; rows may differ in length. Spreadsheets give the stored values: no formula is evaluated, dates are
    ISO 8601, true and false are `TRUE` and `FALSE`, and an error such as `#N/A` is an empty cell. `name` is the path in
    issues, which never contain a cell.
    """
    if len(data) > LIMITS.table_bytes:
        report_too_large("file-too-big", name, "bytes", LIMITS.table_bytes, issues)
        return None
    if is_spreadsheet(data):
        return read_spreadsheet(data, name, issues)
    decoded = decode(data)
    if decoded is None:
        issues.error("binary-file", name, found=binary_kind(data) or "text with NUL characters")
        return None
    if decoded.encoding not in ("UTF-8", "UTF-16"):
        report_encoding(name, decoded.encoding, issues)
    return parse_delimited(decoded.text, name, LIMITS.line_chars, issues)
