"""CSV for spreadsheets: no live formula, ids unchanged, numbers as numbers."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labs_schema.errors import IssueCollector
from labs_schema.tables.csv_writer import csv_text
from labs_schema.tables.reader import read_table


@given(st.text(max_size=20), st.booleans())
@example("a\r=1+1", False)
def test_no_text_starts_a_formula(text: str, for_excel: bool) -> None:
    written = csv_text([[text]], for_excel=for_excel)
    written = csv_text([["id", text]], for_excel=for_excel)[for_excel:]  # without the byte order mark
    [[_, cell]] = csv.reader(io.StringIO(written, newline=""))
    # A spreadsheet ignores whitespace before the sign, and takes full-width signs as well.
    assert not cell.strip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))


@pytest.mark.parametrize("student", ["007", "123456789012345678", "1E5", "3-4", "2/1", "sep1", "1MAR", "true", "s1"])
def test_ids_stay_text_in_excel_and_are_read_back(student: str) -> None:
    text = csv_text([["student", "total"], [student, -1.5]], for_excel=True)
    assert text.startswith("\ufeffstudent,total\r\n") and text.endswith(",-1.5\r\n")
    assert text.splitlines()[1].startswith("\t") == (student != "s1")
    rows = read_table(text.encode(), "marks.csv", IssueCollector("x"))
    assert rows is not None and rows[1].cells == (student, "-1.5")
