"""Reads the first sheet of an Excel (.xlsx) or OpenDocument (.ods) file that may be hostile.

calamine allocates every cell up to the last one used, so one cell at the far corner of a sheet would exhaust memory.
The extent is therefore checked first, on members that were inflated under a limit.
"""

import io
import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from labs_schema.errors import IssueCollector, quoted_list
from labs_schema.files.decoding import ZIP_START
from labs_schema.files.file_reader import report_too_large
from labs_schema.limits import LabLimits
from labs_schema.tables.delimited import Row, unescape_formula

LIMITS = LabLimits()

_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_spreadsheet(data: bytes) -> bool:
    """Whether `data` starts as a zip archive, as .xlsx and .ods files do, or as an old .xls file."""
    return data.startswith((ZIP_START, _OLD_EXCEL))


def read_spreadsheet(data: bytes, path: str, issues: IssueCollector) -> list[Row] | None:
    """The rows of the first sheet that is not empty; None, with an error, if there is none or it exceeds a limit.

    A further sheet with cells is left out with a warning.
    """
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(_checked(data)))
        sheets = _sheets(workbook)
    except _TooLargeError as error:
        report_too_large("file-too-big", path, error.unit, error.maximum, issues)
        return None
    except (CalamineError, zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, ValueError) as error:
        found = f"a damaged, encrypted or unsupported spreadsheet ({type(error).__name__})"
        issues.error("bad-spreadsheet", path, found=found)
        return None
    if not sheets:
        issues.error("empty-table", path, found="a spreadsheet without cells")
        return None
    name, rows = next(iter(sheets.items()))
    if len(sheets) > 1:
        others = quoted_list([other for other in sheets if other != name])
        issues.warning("other-sheets", path, found=f"further sheets: {others}")
    return rows


class _TooLargeError(Exception):
    def __init__(self, unit: str, maximum: int) -> None:
        self.unit, self.maximum = unit, maximum


def _checked(data: bytes) -> bytes:
    """A copy of the file's XML members as they were inflated under the limit, so that calamine cannot inflate more."""
    left, stored = LIMITS.table_bytes, io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(stored, "w") as copy:
        for member in archive.infolist():
            if not member.filename.endswith((".xml", ".rels", "mimetype")):
                continue
            with archive.open(member) as opened:
                content = opened.read(left + 1)
            left -= len(content)
            if left < 0:
                raise _TooLargeError("bytes after decompression", LIMITS.table_bytes)
            if member.filename != "mimetype" and _Extent(content).cells > LIMITS.table_cells:
                raise _TooLargeError("cells", LIMITS.table_cells)
            copy.writestr(member.filename, content)
    return stored.getvalue()


class _Extent:
    """`cells` is the area up to the last used row and column of the sheets in `content`, in either format."""

    def __init__(self, content: bytes) -> None:
        self.cells = 0
        self._rows = self._columns = self._row = self._column = self._repeat = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.Parse(content, True)
        self._end_sheet()

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        """OpenDocument repeats rows and cells by a count; Excel gives the position of each cell, or none for next."""
        local = {name.rpartition(" ")[2]: value for name, value in attributes.items()}
        match tag.rpartition(" ")[2]:
            case "table":
                self._end_sheet()
            case "row":
                self._row, self._column = int(local.get("r", self._row + 1)), 0
            case "c":
                self._column += 1
                if found := _CELL.fullmatch(local.get("r", "")):
                    self._column, self._row = _column_number(found[1]), int(found[2])
                self._use()
            case "table-row":
                self._row, self._column = self._row + int(local.get("number-rows-repeated", 1)), 0
            case "table-cell" | "covered-table-cell":
                self._column += int(local.get("number-columns-repeated", 1))
                if "value-type" in local:
                    self._use()
            case "p":
                self._use()

    def _use(self) -> None:
        self._rows, self._columns = max(self._rows, self._row), max(self._columns, self._column)

    def _end_sheet(self) -> None:
        self.cells = max(self.cells, self._rows * self._columns)
        self._rows = self._columns = self._row = self._column = 0


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _sheets(workbook: CalamineWorkbook) -> dict[str, list[Row]]:
    """Sheet name -> rows, for the sheets with cells."""
    found = {}
    for number, sheet in enumerate(workbook.sheets_metadata):
        if sheet.typ is not SheetTypeEnum.WorkSheet:
            continue
        values = workbook.get_sheet_by_index(number).to_python(skip_empty_area=False)
        rows = [Row(line, tuple(map(_text, cells))) for line, cells in enumerate(values, start=1)]
        if any(any(row.cells) for row in rows):
            found[sheet.name] = rows
    return found


def _text(value: object) -> str:
    """The cell as its text in a CSV file: whole numbers without a decimal point, dates in ISO 8601."""
    match value:
        case bool():
            return str(value).upper()
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case _:
            return unescape_formula(str(value).replace("\r\n", "\n").strip())
