"""Rosters as platforms export them, and where they are looked for."""

from pathlib import Path

import pytest

from labs_schema.errors import IssueCollector
from labs_schema.lab_writer import write_lab
from labs_schema.models import Person, SourceFile
from labs_schema.reading.roster import parse_roster
from labs_schema.reading.validate import load_lab, stray_entries
from labs_schema.tables.delimited import Row, parse_delimited

GRADESCOPE = "First Name,Last Name,SID,Email,Section\nMario,Rossi,20231234,mr@uni.example,A\n"
MOODLE = '"First name",Surname,"ID number","Email address"\nMario,Rossi,20231234,mr@uni.example\n'
OURS = "student,name,email\n20231234,Mario Rossi,mr@uni.example\n"
CANVAS = (
    'Student,ID,SIS Login ID,Section,Final\n"    Points Possible",,,,10\n"Rossi, Mario",20231234,mr@uni.example,A,9\n'
    '"Student, Test",1,x,A,\n'
)


def rows(text: str) -> list[Row]:
    found = parse_delimited(text, "roster.csv", 10_000, IssueCollector(""))
    assert found is not None
    return found


@pytest.mark.parametrize("text", [GRADESCOPE, MOODLE, OURS, CANVAS], ids=["Gradescope", "Moodle", "ours", "Canvas"])
def test_platform_exports_are_valid_rosters(text: str) -> None:
    issues = IssueCollector("labs")
    people = parse_roster(rows(text), "roster.csv", issues)
    assert issues.issues() == ()
    assert people == (Person(ids=("20231234", "mr@uni.example"), first="Mario", last="Rossi"),)


def test_roster_issues_give_lines_but_no_names() -> None:
    issues = IssueCollector("labs")
    parse_roster(rows("student,name\n,\ns1,Rossi, Mario\ns2,,x,Secret\n"), "roster.csv", issues)
    found = issues.issues()
    assert [(issue.code, issue.line) for issue in found] == [("roster-row", 3), ("roster-row", 4)]
    assert "Secret" not in "".join(map(str, found)) and "Rossi" not in "".join(map(str, found))


def test_rosters_of_the_course_and_the_lab_are_combined(tmp_path: Path, make_lab) -> None:
    lab = make_lab(students=2)
    author = SourceFile(path="a.c", text="// Mario Rossi, with Ann Sorel and s001\nint rossi;\n")
    one, two = lab.submissions
    write_lab(
        lab.model_copy(update={"submissions": (one.model_copy(update={"files": (author,)}), two)}), tmp_path / "lab1"
    )
    assert load_lab(tmp_path / "lab1").submissions[0].redactions == ("s001",)
    (tmp_path / "roster.csv").write_text("student,name\ns9,Mario Rossi\n")
    (tmp_path / "lab1" / "roster.csv").write_text("first name,last name\nAnn,Sorel\n")
    read = load_lab(tmp_path / "lab1")
    assert read.submissions[0].redactions == ("Ann Sorel", "Mario Rossi", "s001")
    assert read.submissions[1].redactions == () and read.submissions[0].files == (author,)
    assert stray_entries(tmp_path) == ()
    assert "Rossi" not in read.model_dump_json(exclude={"submissions"})
