"""Rosters as platforms export them, and where they are looked for."""

from pathlib import Path

import pytest

from labs_schema.errors import IssueCollector
from labs_schema.models import Person, SourceFile
from labs_schema.reading.roster import parse_roster
from labs_schema.reading.validate import load_lab, stray_entries
from labs_schema.tables.delimited import Row, parse_delimited
from labs_schema.tables.reader import read_table_file
from tests.harness.courses.lab_folders import write_lab

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


UNREAD = ("roster-columns-unread",)


@pytest.mark.parametrize(
    ("text", "codes"),
    [(GRADESCOPE, UNREAD), (MOODLE, ()), (OURS, ()), (CANVAS, UNREAD)],
    ids=["Gradescope", "Moodle", "ours", "Canvas"],
)
def test_platform_exports_are_valid_rosters(text: str, codes: tuple[str, ...]) -> None:
    issues = IssueCollector("labs")
    people = parse_roster(rows(text), "roster.csv", issues)
    assert tuple(issue.code for issue in issues.issues()) == codes
    assert people == (Person(ids=("20231234", "mr@uni.example"), first="Mario", last="Rossi"),)


ROSTERS = {
    "Moodle, French": (
        '"Prénom","Nom de famille","Numéro d\'identification","Adresse de courriel"',
        "Mario,Rossi,7,m@x",
    ),
    "French": ("Prénom;Nom;Numéro d'étudiant;Courriel", "Mario;Rossi;7;m@x"),
    "German": ("Matr.-Nr.;Vorname;Familienname;E-Mail", "7;Mario;Rossi;m@x"),
    "Moodle, French, surname alone": ("Nom,Prénom,Identifiant,Adresse de courriel", "Rossi,Mario,7,m@x"),
    "Moodle, German": ("Vorname,Nachname,ID-Nummer,E-Mail-Adresse", "Mario,Rossi,7,m@x"),
    "German, Name as surname": ("Matrikelnummer;Name;Vorname;E-Mail", "7;Rossi;Mario;m@x"),
    "Moodle, Spanish": ('Nombre,"Apellido(s)","Número de ID","Dirección de correo"', "Mario,Rossi,7,m@x"),
    "Spanish, full name": ("Número de ID\tNombre completo\tCorreo electrónico", "7\tMario Rossi\tm@x"),
    "Moodle, Italian": ("Nome,Cognome,Matricola,Indirizzo email", "Mario,Rossi,7,m@x"),
    "Italian, full name": ("matricola;nome;indirizzo e-mail", "7;Mario Rossi;m@x"),
    "Moodle, Portuguese": ("Nome;Apelido;Número de identificação;Endereço de e-mail", "Mario;Rossi;7;m@x"),
    "Brazilian": ("Nome,Sobrenome,Matrícula,Endereço de email", "Mario,Rossi,7,m@x"),
    "GitHub Classroom": ("identifier,github_username,github_id,name", '7,m@x,12345,"Mario Rossi"'),
    "Moodle worksheet": ('\ufeffID number,"Full name","Email address",Status,Grade', '7,"Mario Rossi",m@x,Submitted,'),
    "Gradescope": ("First Name,Last Name,SID,Email,Sections", "Mario,Rossi,7,m@x,A"),
    "Canvas": ("Student,SIS User ID,ID,Section", '"Rossi, Mario",7,m@x,A'),
}


@pytest.mark.parametrize("roster", ROSTERS)
def test_headings_of_platforms_and_languages(roster: str, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("\n".join(ROSTERS[roster]) + "\n")
    issues = IssueCollector("labs")
    found = read_table_file(tmp_path / "roster.csv", "roster.csv", issues)
    assert parse_roster(found or [], "roster.csv", issues) == (Person(ids=("7", "m@x"), first="Mario", last="Rossi"),)
    unread = [issue.found for issue in issues.issues()]
    assert len(unread) == (roster in ("GitHub Classroom", "Moodle worksheet", "Gradescope", "Canvas"))


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
