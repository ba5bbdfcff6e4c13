"""Writes small spreadsheets as Excel and LibreOffice do, and hostile ones as neither does."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Sheet = Sequence[Sequence[object]]
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_DATE_STYLES = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'


class DateNumber(float):
    """Excel's day number of a date, such as 46054 for 2026-02-01."""


def zipped(members: Mapping[str, str]) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stored.getvalue()


def xlsx(*sheets: Sheet, sheet_xml: str = "") -> bytes:
    """A workbook; `sheet_xml` replaces the content of the first sheet."""
    names = range(1, len(sheets) + 1)
    listed = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in names)
    targets = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in names
    )
    styles = f'<Relationship Id="rId0" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    members = {
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">{styles}{targets}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">{_DATE_STYLES}</styleSheet>',
    }
    for n, sheet in zip(names, sheets, strict=True):
        data = sheet_xml if sheet_xml and n == 1 else f"<sheetData>{''.join(map(_xlsx_row, sheet))}</sheetData>"
        members[f"xl/worksheets/sheet{n}.xml"] = f'<worksheet xmlns="{_MAIN}">{data}</worksheet>'
    return zipped(members)


def _xlsx_row(cells: Sequence[object]) -> str:
    return f"<row>{''.join(map(_xlsx_cell, cells))}</row>"


def _xlsx_cell(value: object) -> str:
    match value:
        case None:
            return "<c/>"
        case bool():
            return f'<c t="b"><v>{int(value)}</v></c>'
        case DateNumber():
            return f'<c s="1"><v>{float(value)}</v></c>'
        case int() | float():
            return f"<c><f>1+1</f><v>{value}</v></c>"
        case "#N/A" | "#REF!" | "#DIV/0!" | "#VALUE!" | "#NAME?":
            return f'<c t="e"><v>{value}</v></c>'
        case _:
            return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def ods(sheet: Sheet, *, rows_xml: str = "") -> bytes:
    """A document with one sheet, with the empty rows that LibreOffice adds to its end; `rows_xml` comes after them."""
    rows = "".join(f"<table:table-row>{''.join(map(_ods_cell, cells))}</table:table-row>" for cells in sheet)
    filler = (
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
    )
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<office:document-content{spaces}><office:body><office:spreadsheet><table:table table:name="Sheet1">'
        f"{rows}{filler}{rows_xml}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    mimetype = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped({"mimetype": mimetype, "META-INF/manifest.xml": manifest, "content.xml": content})


def _ods_cell(value: object) -> str:
    match value:
        case None:
            return "<table:table-cell/>"
        case bool():
            return f'<table:table-cell office:value-type="boolean" office:boolean-value="{str(value).lower()}"/>'
        case int() | float():
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        case _:
            text = escape(str(value))
            return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
