"""One reader for CSV, TSV, Excel and OpenDocument: format and delimiter are found from the content."""

import pytest

from labs_schema.errors import IssueCollector
from labs_schema.limits import LabLimits
from labs_schema.tables import spreadsheets
from labs_schema.tables.reader import read_table
from tests.labs_schema.tables.spreadsheet_files import DateNumber, ods, xlsx, zipped

CELLS = [["Name", "Größe", "Mark"], ["Rossi, Mario", "a;b", "1,5"], ["s2", "x\ny", ""]]


def read(data: bytes) -> tuple[list[list[str]] | None, list[str]]:
    issues = IssueCollector("")
    rows = read_table(data, "table", issues)
    return rows if rows is None else [list(row.cells) for row in rows], [issue.code for issue in issues.issues()]


def delimited(delimiter: str) -> str:
    def quoted(cell: str) -> str:
        return f'"{cell}"' if {",", "\n", delimiter} & set(cell) else cell

    return "".join(delimiter.join(map(quoted, cells)) + "\r\n" for cells in CELLS)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiter_and_encoding_are_found_from_the_content(delimiter: str, encoding: str) -> None:
    assert read(delimited(delimiter).encode(encoding)) == (CELLS, [])


def test_excels_sep_line_sets_the_delimiter_and_is_not_a_row() -> None:
    issues = IssueCollector("")
    rows = read_table(b"sep=;\r\na,b;c\r\nd,e;f\r\n", "table", issues)
    assert rows and [(row.line, row.cells) for row in rows] == [(2, ("a,b", "c")), (3, ("d,e", "f"))]


def test_commas_in_every_row_do_not_split_a_semicolon_table() -> None:
    assert read(b"id;mark\ns1;1,5\ns2;2,5\n")[0] == [["id", "mark"], ["s1", "1,5"], ["s2", "2,5"]]


def test_xlsx_gives_stored_values_as_text() -> None:
    sheet = [["001234", 1, 1.5, True, DateNumber(46054), "#N/A"], [None, 123456789012]]
    rows = [["001234", "1", "1.5", "TRUE", "2026-02-01", ""], ["", "123456789012", "", "", "", ""]]
    assert read(xlsx(sheet)) == (rows, [])


def test_ods_gives_stored_values_as_text() -> None:
    assert read(ods([["id", "ok"], ["s1", 1.0], ["s2", False]])) == ([["id", "ok"], ["s1", "1"], ["s2", "FALSE"]], [])


def test_only_the_first_sheet_with_cells_is_read() -> None:
    assert read(xlsx([], [["a"]], [["b"]])) == ([["a"]], ["other-sheets"])


@pytest.mark.parametrize(
    "data",
    [
        xlsx([[1]], sheet_xml='<sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'),
        xlsx([[1]], sheet_xml='<sheetData><row r="1000000"/><row><c><v>1</v></c></row></sheetData>'),
        ods(
            [[1]],
            rows_xml='<table:table-row table:number-rows-repeated="100000"><table:table-cell office:value="1" '
            'office:value-type="float" table:number-columns-repeated="16384"/></table:table-row>',
        ),
        ods(
            [[1]], rows_xml="<table:table-row><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"
        ),
    ],
    ids=["far corner", "far row", "repeated cells", "after a million empty rows"],
)
def test_spreadsheet_that_would_fill_memory_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "LIMITS", LabLimits(table_cells=1_000_000))
    assert read(data) == (None, ["file-too-big"])


def test_inflated_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "LIMITS", LabLimits(table_bytes=1_000_000))
    bomb = zipped({"mimetype": "x", "content.xml": "<a>" + " " * 3_000_000 + "</a>"})
    assert len(bomb) < 10_000
    assert read(bomb) == (None, ["file-too-big"])


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04", zipped({"a.txt": "x"}), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), xlsx([[1]])[:-30]]
)
def test_what_only_starts_as_a_spreadsheet_is_an_error(data: bytes) -> None:
    assert read(data) == (None, ["bad-spreadsheet"])


def test_table_without_cells_is_an_error() -> None:
    assert [read(data)[1] for data in (b"", b" \n", xlsx([]), ods([]))] == [["empty-table"]] * 4
