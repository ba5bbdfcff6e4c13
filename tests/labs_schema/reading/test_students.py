"""Every student of submissions, tables and rosters is in the lab, each once, with the right work and ratings."""

import io
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from labs_schema.errors import IssueCollector, Severity
from labs_schema.hashes import submission_hash
from labs_schema.models import Lab
from labs_schema.reading.groups import parse_groups
from labs_schema.reading.validate import read_lab
from labs_schema.student_ids import StudentIds, did_you_mean_id
from labs_schema.submissions.adhoc_submission import read_adhoc_submission, read_given_archive
from labs_schema.tables.reader import read_table
from tests.harness.courses.lab_folders import write_lab

HEADER = "Criterion,Fast?,Fast?\nDescription,,\nRating,Yes,No\nRating description,,\nMarks,2,0\nStudent,,\n"
PROGRAM = b"int main(void) { return 0; }\n"


def make(folder: Path, submissions: Mapping[str, bytes], rows: str, **files: str) -> Path:
    folder.mkdir()
    (folder / "ps.txt").write_text("Square a number.")
    (folder / "rubric_ratings.csv").write_text(HEADER + rows)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    for number, (path, data) in enumerate(submissions.items()):
        (folder / "submissions" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "submissions" / path).write_bytes(data or PROGRAM + b"// %d\n" % number)
    return folder


def read(folder: Path) -> tuple[Lab, dict[str, str]]:
    """The lab, and student -> code of those without a readable program."""
    lab = read_lab(folder).lab
    assert lab is not None
    return lab, {each.student: each.code for each in lab.unreadable}


def zipped(names: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("path", "data", "code"),
    [
        ("s2@cs/main.pdf", b"%PDF-1.4", "no-program"),
        ("s2@cs.pdf", b"%PDF-1.4", "no-program"),
        ("s2.docx", b"PK\x03\x04", "no-program"),
        ("s2@cs.zip", PROGRAM, "bad-archive"),
        ("s2@cs.zip", b"Rar!\x1a\x07\x00", "unknown-archive"),
        ("s2@cs.rar", b"Rar!\x1a\x07\x00", "unknown-archive"),
        ("s2@cs.zip", zipped({}), "no-program"),
        ("s2@cs/main.pyc", b"\xa7\r\r\n", "no-program"),
        ("s2@cs.zip", zipped({"../../main.c": PROGRAM}), "unsafe-name"),
        ("s2@cs/big.c", b"x" * 1_000_001, "file-too-big"),
        ("s2@cs/" + "d/" * 30 + "main.c", PROGRAM, "too-deep"),
    ],
)
def test_fault_of_one_submission_concerns_only_its_student(path, data, code, tmp_path) -> None:
    folder = make(tmp_path / "lab", {"s1@cs/main.c": b"", path: data}, "s1@cs,1,0\ns2@cs,0,1\n")
    lab, unreadable = read(folder)
    assert [each.student for each in lab.submissions] == ["s1"]
    assert unreadable == {"s2": code} and lab.unreadable[0].reason


def test_six_hundred_files_concern_only_their_student(tmp_path) -> None:
    folder = make(tmp_path / "lab", {"s1@cs/main.c": b"", "s2@cs/main.c": b""}, "")
    for number in range(600):
        (folder / f"submissions/s2@cs/{number}.c").write_bytes(PROGRAM)
    lab, unreadable = read(folder)
    assert [each.student for each in lab.submissions] == ["s1"]
    assert unreadable == {"s2": "too-many-files"}


ENCRYPTED = bytearray(zipped({"util.c": PROGRAM}))
ENCRYPTED[6] |= 1
ENCRYPTED[ENCRYPTED.index(b"PK\x01\x02") + 8] |= 1


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("work.zip", zipped({"util.c": PROGRAM})[:-9], "bad-archive"),
        ("work.tar.gz", b"\x1f\x8b\x08", "bad-archive"),
        ("work.zip", bytes(ENCRYPTED), "encrypted-archive"),
        ("work.zip", b"Rar!\x1a\x07\x00", "unknown-archive"),
        ("work.rar", b"Rar!\x1a\x07\x00", "archive-inside"),
        ("big.c", b"x" * 1_000_001, "file-too-big"),
        ("a.ipynb", b'{"cells": [', "bad-notebook"),
        ("link.c", None, "symlink"),
    ],
)
@pytest.mark.parametrize("way", ["lab", "path", "archive"])
def test_damaged_file_next_to_a_program_leaves_it_readable(name, data, code, way, tmp_path) -> None:
    folder = make(tmp_path / "lab", {"s1@cs/main.c": PROGRAM}, "")
    submitted = folder / "submissions/s1@cs"
    if data is None:
        (submitted / name).symlink_to("/etc/passwd")
    else:
        (submitted / name).write_bytes(data)
    if way == "lab":
        validated = read_lab(folder)
        assert validated.lab is not None and validated.lab.unreadable == ()
        [submission], issues = validated.lab.submissions, validated.issues
    elif way == "path":
        submission, issues = read_adhoc_submission([submitted], "C")
    elif data is not None:
        archive = zipped({"main.c": PROGRAM, name: data})
        submission, issues = read_given_archive("work.zip", archive, "C"), ()
    else:
        return
    assert ([file.path for file in submission.files], submission.unread) == (["main.c"], (code,))
    assert way == "archive" or [issue.severity for issue in issues if issue.code == code] == [Severity.WARNING]
    assert submission_hash(submission) != submission_hash(submission.model_copy(update={"unread": ()}))


def test_damaged_file_without_another_program_leaves_the_student_ungraded(tmp_path) -> None:
    work = {"s1@cs/main.c": b"", "s2@cs/work.zip": zipped({"main.c": PROGRAM})[:-9], "s2@cs/notes.pdf": b"%PDF-1.4"}
    lab, unreadable = read(make(tmp_path / "lab", work, ""))
    assert unreadable == {"s2": "bad-archive"} and [each.student for each in lab.submissions] == ["s1"]


def test_students_of_tables_and_rosters_without_work_are_listed(tmp_path) -> None:
    roster = "id,email,name\n1,ann@uni.example,Ann Lee\n2,bo@uni.example,Bo Ray\n3,cy@uni.example,Cy Fox\n"
    submissions = {"ann@cs/main.c": b"", "dee@cs/main.c": b""}
    folder = make(tmp_path / "lab", submissions, "ann,1,0\neve@cs,1,0\n", roster=roster)
    lab, unreadable = read(folder)
    assert [each.student for each in lab.submissions] == ["ann", "dee"]
    assert unreadable == dict.fromkeys(["bo", "cy", "eve"], "student-without-submission")


def test_student_with_two_submissions_is_ungraded_as_none_is_preferred(tmp_path) -> None:
    lab, unreadable = read(make(tmp_path / "lab", {"s1@cs/a.c": b"", "s1@cs.c": b"", "s2@cs/a.c": b""}, "s1@cs,1,0\n"))
    assert [each.student for each in lab.submissions] == ["s2"] and unreadable == {"s1": "duplicate-student"}


def test_equal_local_parts_are_two_students(tmp_path) -> None:
    submissions = {"ann@cs.example/main.c": b"", "ann@ee.example/main.c": b"", "bo@cs.example/main.c": b""}
    rows = "ann@cs.example,1,0\nann@ee.example,0,1\nbo,1,0\n"
    lab, unreadable = read(make(tmp_path / "lab", submissions, rows))
    assert [each.student for each in lab.submissions] == ["ann@cs.example", "ann@ee.example", "bo"]
    assert {student: given["Fast?"] for student, given in lab.ratings_by_student.items()} == {
        "ann@cs.example": "Yes",
        "ann@ee.example": "No",
        "bo": "Yes",
    }
    assert unreadable == {}


def test_rating_of_another_section_is_not_given_to_the_namesake(tmp_path) -> None:
    lab, unreadable = read(make(tmp_path / "lab", {"ann@cs/main.c": b""}, "ann@ee,1,0\n"))
    assert [each.student for each in lab.submissions] == ["ann@cs"] and "ann@cs" not in lab.ratings_by_student
    assert unreadable == {"ann@ee": "student-without-submission"}


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_ids_are_compared_in_nfc(forms, tmp_path) -> None:
    on_disk, in_table = (unicodedata.normalize(form, "josé@cs") for form in forms)
    lab, unreadable = read(make(tmp_path / "lab", {f"{on_disk}/main.c": b""}, f"{in_table},1,0\n"))
    assert lab.ratings_by_student == {"josé": {"Fast?": "Yes"}} and unreadable == {}


def test_id_changed_by_a_spreadsheet_is_not_guessed_but_suggested(tmp_path) -> None:
    submissions = {f"{student}@cs/main.c": b"" for student in ("001234", "123456789012", "s2")}
    folder = make(tmp_path / "lab", submissions, "1234,1,0\nS2,0,1\n1.23457E+11,0,1\n")
    lab, unreadable = read(folder)
    assert lab.ratings_by_student.keys().isdisjoint(each.student for each in lab.submissions) and len(unreadable) == 3
    issues = [each for each in read_lab(folder).issues if each.code == "student-without-submission"]
    assert [each.hint.rsplit(" ", 1)[1] for each in issues] == ["'001234'?", "'s2'?", "'123456789012'?"]


@pytest.mark.parametrize(
    ("written", "known", "meant"),
    [
        ("1234", ["001234", "1235"], "001234"),
        ("1234.0", ["1234"], "1234"),
        ("1,23457E+11", ["123456789012"], "123456789012"),
        ("1.2E+11", ["123456789012", "120000000000"], None),
        ("s1", ["s2"], None),
        ("0", ["00", "000"], None),
    ],
)
def test_only_a_single_mangled_form_is_suggested(written, known, meant) -> None:
    assert did_you_mean_id(written, known) == (f" Did you mean '{meant}'?" if meant else "")


def test_bare_id_is_ambiguous_only_where_it_is_shared() -> None:
    ids = StudentIds(["ann@cs", "bo@cs"], ["ann@ee", "bo"])
    assert [ids.resolve(each) for each in ("ann@cs", "ann@ee", "ann", "bo", "bo@cs")] == [
        "ann@cs", "ann@ee", None, "bo", "bo",
    ]  # fmt: skip


GROUPS = "group,student\ns1_s2@cs,s1@cs\ns1_s2@cs,s2@cs\n"


def test_group_is_one_submission_of_all_its_members_with_one_rating(tmp_path) -> None:
    rows = "s1@cs,1,0\ns2@cs,1,0\ns3@cs,0,1\n"
    folder = make(tmp_path / "lab", {"s1_s2@cs/main.c": b"", "s3@cs/main.c": b""}, rows, groups=GROUPS)
    lab, unreadable = read(folder)
    assert [(each.student, each.members) for each in lab.submissions] == [("s1", ("s1", "s2")), ("s3", ())]
    assert lab.ratings_by_student == {"s1": {"Fast?": "Yes"}, "s3": {"Fast?": "No"}} and unreadable == {}
    assert lab.students == ("s1", "s2", "s3")


@pytest.mark.parametrize("rows", ["s2@cs,1,0\n", "s1_s2@cs,1,0\n", "s1@cs,0,0\ns2,1,0\n"])
def test_rating_of_one_member_is_that_of_the_group(rows, tmp_path) -> None:
    lab, _ = read(make(tmp_path / "lab", {"s1_s2@cs/main.c": b""}, rows, groups=GROUPS))
    assert lab.ratings_by_student == {"s1": {"Fast?": "Yes"}}


def test_different_ratings_of_members_are_no_rating(tmp_path) -> None:
    folder = make(tmp_path / "lab", {"s1_s2@cs/main.c": b""}, "s1@cs,1,0\ns2@cs,0,1\n", groups=GROUPS)
    lab, _ = read(folder)
    assert lab.ratings_by_student == {}
    assert "group-ratings-differ" in {issue.code for issue in read_lab(folder).issues}


def test_unreadable_group_work_makes_every_member_ungraded(tmp_path) -> None:
    lab, unreadable = read(make(tmp_path / "lab", {"s1_s2@cs/main.pdf": b"%PDF-"}, "s1@cs,1,0\n", groups=GROUPS))
    assert lab.submissions == () and unreadable == {"s1": "no-program", "s2": "no-program"}


def test_names_of_all_members_are_redacted(tmp_path) -> None:
    program = b"// Ann Lee and Bo Ray\nint main(void) { return 0; }\n"
    roster = "id,name\ns1,Ann Lee\ns2,Bo Ray\n"
    lab, _ = read(make(tmp_path / "lab", {"s1_s2@cs/main.c": program}, "", groups=GROUPS, roster=roster))
    assert lab.submissions[0].redactions == ("Ann Lee", "Bo Ray")


def test_written_group_work_reads_back(tmp_path) -> None:
    rows = "s1@cs,1,0\ns2@cs,1,0\ns3@cs,0,1\n"
    folder = make(tmp_path / "lab", {"s1_s2@cs/main.c": b"", "s3@cs/main.c": b""}, rows, groups=GROUPS)
    lab, _ = read(folder)
    write_lab(lab, tmp_path / "again" / "lab")
    again, _ = read(tmp_path / "again" / "lab")
    assert (again.submissions, again.human_grades) == (lab.submissions, lab.human_grades)


@pytest.mark.parametrize("header", ["Gruppe;Matrikelnummer", "Équipe,Membre", "grupo\tNúmero de ID", "Team|E-Mail"])
def test_headings_of_groups_in_several_languages(header: str) -> None:
    issues, mark = IssueCollector("lab"), next(each for each in ",;\t|" if each in header)
    rows = read_table(f"{header}\ns1{mark}s1\ns1{mark}s4\n".encode(), "groups.csv", issues) or []
    assert parse_groups(rows, "groups.csv", issues) == {"s1": ["s1", "s4"]} and not issues.failed
