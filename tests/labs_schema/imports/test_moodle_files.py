"""Files that a real Moodle 4.3 exported (made-up course): see docs/measurements/moodle.md."""

from pathlib import Path

import pytest

from labs_schema.errors import IssueCollector
from labs_schema.imports.identities import read_roster_entries
from labs_schema.imports.importer import ImportSource, import_lab
from labs_schema.imports.platform_tables import read_platform_table
from labs_schema.imports.platforms import recognized_at
from labs_schema.imports.records import IdKind, ImportReport
from tests.labs_schema.imports.conftest import submitted

RECORDED = Path(__file__).parents[2] / "recorded" / "moodle"
FOLDERS = {
    "s1": ["größe_test.h", "main.c"],
    "s2": ["my_prog_2.c"],
    "s3": ["main.c"],
    "s4": ["a b.c"],
    "s5": ["main.c", "src/main.c", "src/util/main.c"],
    "s7": ["b.c", "sub/a.c"],
}


def imported(name: str, worksheet: str, out: Path) -> ImportReport:
    report, _ = import_lab(ImportSource("moodle", RECORDED / name, RECORDED / worksheet), out)
    assert report.written == report.students and recognized_at(RECORDED / name) == "moodle"
    return report


@pytest.mark.parametrize("worksheet", ["plain.csv", "plain-de.csv"])
def test_every_student_has_their_files_and_their_id(tmp_path: Path, worksheet: str) -> None:
    report = imported("plain.zip", worksheet, tmp_path / "lab")
    assert submitted(tmp_path / "lab") == FOLDERS
    assert (report.matched, report.unmatched, report.absent) == (6, (), ("s6", "s8"))


def test_flat_export_has_no_folders(tmp_path: Path) -> None:
    imported("plain-flat.zip", "plain.csv", tmp_path / "lab")
    flat = {student: sorted({path.split("/")[-1] for path in paths}) for student, paths in FOLDERS.items()}
    assert submitted(tmp_path / "lab") == flat


def test_online_text_is_a_file_of_its_student(tmp_path: Path) -> None:
    report = imported("text.zip", "text.csv", tmp_path / "lab")
    assert submitted(tmp_path / "lab")["s8"] == ["onlinetext.html"] and report.absent == ("s6",)


def test_blind_export_has_participants_only(tmp_path: Path) -> None:
    report = imported("blind.zip", "blind.csv", tmp_path / "lab")
    assert report.matched == 6 and submitted(tmp_path / "lab").keys() == {
        "7017", "7018", "7020", "7021", "7022", "7023"
    }  # fmt: skip


@pytest.mark.parametrize("export", ["team.zip", "team-flat.zip"])
def test_teams_and_the_team_of_students_without_a_group(tmp_path: Path, export: str) -> None:
    report = imported(export, "team.csv", tmp_path / "lab")
    assert (report.students, report.groups, report.matched, report.absent) == (8, 3, 8, ())
    groups = (tmp_path / "lab/groups.csv").read_text().split()
    assert groups[1:] == ["s1,s1", "s1,s2", "s3,s3", "s3,s4", "s5,s5", "s5,s6", "s5,s7", "s5,s8"]


@pytest.mark.parametrize("worksheet", ["plain", "blind", "team"])
def test_worksheets_list_participants_in_every_language(worksheet: str) -> None:
    numbers = []
    for name in (f"{worksheet}.csv", f"{worksheet}-de.csv"):
        table = read_platform_table((RECORDED / name).read_bytes(), name, IssueCollector(""))
        assert table
        entries = read_roster_entries(table)
        numbers.append([value for entry in entries for kind, value in entry.ids if kind is IdKind.PLATFORM])
        assert worksheet == "blind" or all(len(entry.ids) == 3 for entry in entries)
    assert numbers[0] == numbers[1] and len(numbers[0]) == 8


@pytest.mark.parametrize("cells", ["Teilnehmer/in7", "Osallistuja7", "Participant 7", "Mokinys7"])
def test_student_numbers_are_no_participants(cells: str) -> None:
    header = "Nr,Paskutinis (a),Paskutinis (b)\n" if cells == "Mokinys7" else "ID,Grade\n"
    for text, kind in ((f"{header}{cells},1\n", IdKind.PLATFORM), ("ID,Grade\ns7,1\ns8,2\n", IdKind.NUMBER)):
        table = read_platform_table(text.encode(), "w", IssueCollector(""))
        assert table and read_roster_entries(table)[0].ids[0].kind is kind
