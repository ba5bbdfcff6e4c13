"""Exports of each platform: the submissions and their students."""

import csv
from pathlib import Path

import pytest

from labs_schema.errors import InputError
from labs_schema.imports.platform_tables import PlatformTable, folded_heading
from labs_schema.reading.validate import load_lab
from tests.labs_schema.imports.conftest import Import, submitted, write_folder

METADATA = """---
submission_101:
  :submitters:
  - :name: Student One
    :sid: 00123
    :email: s1@uni.example
  :created_at: 2026-01-01 10:00:00.000000000 Z
submission_102:
  :submitters:
  - :name: Student Two
    :sid: s2
    :email: s2@uni.example
  - :name: Student Four
    :sid:
    :email: s4@uni.example
"""


@pytest.mark.parametrize("zipped", [False, True])
def test_gradescope_ids_groups_and_work_without_owner(run_import: Import, zipped: bool) -> None:
    files = {f"submission_10{i}/main.c": f"int main(void) {{ return {i}; }}" for i in (1, 2, 3)}
    files |= {"submission_metadata.yml": METADATA, "__MACOSX/._x": "x"}
    report, codes, lab = run_import("gradescope", files, zipped=zipped)
    assert submitted(lab) == {"00123": ["main.c"], "103": ["main.c"], "s2": ["main.c"]}
    assert (report.students, report.submissions, report.groups) == (4, 3, 1)
    assert report.unmatched == ("103",) and codes == {"roster-no-match"}
    assert (lab / "groups.csv").read_text() == "group,student\ns2,s2\ns2,s4@uni.example\n"
    rubric = '[{"title": "C", "Ratings": [{"title": "A"}, {"title": "B"}]}]'
    write_folder({"ps.txt": "Print.", "modified_ps.txt": "p", "rubrics.json": rubric}, lab)
    read = load_lab(lab)
    assert [each.student for each in read.submissions] == ["00123", "103", "s2"]
    assert read.unreadable == () and sorted(read.submissions[2].members) == ["s2", "s4"]


def test_gradescope_pdf_submissions_and_students_without_files(run_import: Import) -> None:
    metadata = "---\n7.pdf:\n  :submitters:\n  - :sid: s1\nsubmission_8:\n  :submitters:\n  - :sid: s2\n"
    report, _, lab = run_import("gradescope", {"submission_metadata.yml": metadata, "7.pdf": b"%PDF-1.4"})
    assert submitted(lab) == {"s1": ["7.pdf"], "s2": []}
    assert report.students == 2


def test_canvas_names_late_marks_and_resubmission_numbers(run_import: Import) -> None:
    files = {
        "o_neil_jr_3001_90001_main.c": '#include "sq.h"',
        "o_neil_jr_3001_90002_sq-1.h": "int sq(int);",
        "müllerzoe_LATE_3002_90003_part-1.c": "x",
        "müllerzoe_LATE_3002_90004_part-2.c": "x",
        "anon_abc12_90005_main.c": "x",
        "readme": "x",
    }
    roster = 'Student,ID,SIS User ID,SIS Login ID,Lab 1 (12)\n    Points Possible,,,,2\n"Roe, Zoe",3001,s1,zroe,2\n'
    report, codes, lab = run_import("canvas", files, roster + '"Poe, Al",3009,s9,alp,\n"Student, Test",,,,\n')
    assert submitted(lab) == {"3002": ["part-1.c", "part-2.c"], "abc12": ["main.c"], "s1": ["main.c", "sq.h"]}
    assert (report.matched, report.unmatched, report.absent) == (1, ("3002", "abc12"), ("s9",))
    assert "s1,Zoe,Roe," in (lab / "roster.csv").read_text()
    assert report.late == ("3002",) and codes == {"roster-no-match", "unused-file"}


def test_canvas_students_with_a_text_entry_or_a_link_only(run_import: Import) -> None:
    files = {"roezoe_LATE_3001_text.html": "<p>x", "poeal_3002_link.html": "x", "anon_a1b_text.html": "x"}
    report, _, lab = run_import("canvas", files | {"coxbo_3003_9_text.html": "x"})
    expected = {"3001": ["text.html"], "3002": ["link.html"], "3003": ["text.html"], "a1b": ["text.html"]}
    assert submitted(lab) == expected and report.late == ("3001",)


def test_canvas_number_that_a_file_mentions_belongs_to_its_name(run_import: Import) -> None:
    files = {"a_1_2_main.c": '#include "stack-2.h"', "a_1_2_stack-2.h": "x", "b_3_4_main.c": ""}
    _, _, lab = run_import("canvas", files)
    assert submitted(lab)["1"] == ["main.c", "stack-2.h"]


def test_two_attachments_with_the_same_name_are_both_imported(run_import: Import) -> None:
    files = {"a_1_11_main.c": "one", "a_1_12_main.c": "two", "a_1_13_main.c": "one", "b_2_14_main.c": "x"}
    _, codes, lab = run_import("canvas", files)
    assert submitted(lab) == {"1": ["main-2.c", "main.c"], "2": ["main.c"]} and codes >= {"renamed-file"}
    assert {each.read_text() for each in (lab / "submissions/1").iterdir()} == {"one", "two"}


EMPTY_FOLDERS = {
    "moodle": ("X_5001_assignsubmission_file/main.c", "Y_5002_assignsubmission_file", "5001", "5002"),
    "nbgrader": ("submitted/s1/ps1/p.ipynb", "submitted/s2/ps1", "s1", "s2"),
    "submitty": ("hw1/s1/user_assignment_settings.json", "hw1/s2", "s1", "s2"),
    "github-classroom": ("lab1-submissions/lab1-s1/main.c", "lab1-submissions/lab1-s2", "s1", "s2"),
    "folder": ("all/s1/main.c", "all/s2", "s1", "s2"),
}


@pytest.mark.parametrize("wrappers", ["", "outer/", "outer/outer/"])
@pytest.mark.parametrize("platform", EMPTY_FOLDERS)
def test_empty_folders_are_students_also_inside_wrappers(
    run_import: Import, tmp_path: Path, platform: str, wrappers: str
) -> None:
    path, empty, *students = EMPTY_FOLDERS[platform]
    (tmp_path / "export" / wrappers / empty).mkdir(parents=True)
    _, _, lab = run_import(platform, {f"{wrappers}{path}": "{}"})
    assert sorted(submitted(lab)) == students and submitted(lab)[students[1]] == []


def test_export_is_found_among_the_other_folders_of_a_course(run_import: Import) -> None:
    files = {f"f26/cs1/submissions/hw1/s{i}/1/main.c": "x" for i in (1, 2)}
    files |= {f"f26/cs1/submissions/hw1/s{i}/user_assignment_settings.json": '{"active_version": 1}' for i in (1, 2)}
    _, _, lab = run_import("submitty", files | {"f26/cs1/results/hw1/s1/1/results.json": "{}", "f26/README": "x"})
    assert submitted(lab) == {"s1": ["main.c"], "s2": ["main.c"]}


def test_moodle_participants_map_to_students_by_the_worksheet(run_import: Import) -> None:
    files = {
        "Zoë O-Test_5001_assignsubmission_file_/main.c": "x",
        "Ann B. Test_5003_assignsubmission_file/src/main.c": "x",
        "Ann B. Test_5003_assignsubmission_onlinetext/onlinetext.html": "x",
        "李 雷_5002_assignsubmission_file_main.c": "x",
        "Ann_B_C_5004_assignsubmission_file_/main.c": "x",
    }
    worksheet = (
        "\ufeffNummer;Identifier;Vollständiger Name;Courriel;Bewertung\n"
        "1;Teilnehmer/in 5001;Zoë;z@uni.example;\n2;Participant 5003;Ann;a@uni.example;\n"
    )
    report, _, lab = run_import("moodle", files, worksheet.replace("Teilnehmer/in", "Teilnehmer"))
    assert submitted(lab) == {
        "5002": ["main.c"],
        "5004": ["main.c"],
        "a@uni.example": ["onlinetext.html", "src/main.c"],
        "z@uni.example": ["main.c"],
    }
    assert report.unmatched == ("5002", "5004")


def test_moodle_teams_have_their_members_by_the_worksheet(run_import: Import) -> None:
    files = {f"{name}_assignsubmission_file_/main.c": "x" for name in ("Red team_5002", "Bo_5009", "Default group")}
    worksheet = (
        "Identifier,Full name,ID number,Group,Grade\nParticipant 5001,A,s1,Red_Team,\nParticipant 5002,B,s2,Blue,\n"
        "Participant 5003,C,s3,Red_Team,\nParticipant 5009,Bo,s9,Default group,\n"
    )
    report, _, lab = run_import("moodle", files, worksheet)
    assert (lab / "groups.csv").read_text() == "group,student\ns1,s1\ns1,s3\n"
    assert set(submitted(lab)) == {"5009", "s1", "s9"} and report.absent == ("s2",)
    assert (report.students, report.groups, report.unmatched) == (4, 1, ("5009",))  # a team, not participant 5009


def test_moodle_teams_with_the_same_name_are_not_guessed(run_import: Import) -> None:
    files = {f"Red team_{i}_assignsubmission_file/main.c": str(i) for i in (31, 32)}
    worksheet = "Identifier,ID number,Group,Grade\nParticipant 5001,s1,Red_Team,\nParticipant 5002,s2,Red team,\n"
    report, _, lab = run_import("moodle", files, worksheet)
    assert set(submitted(lab)) == {"31", "32"} and report.unmatched == ("31", "32") and report.absent == ("s1", "s2")


def test_student_number_equal_to_a_participant_number_is_another_student(run_import: Import) -> None:
    files = {f"X_{i}_assignsubmission_file_/main.c": "x" for i in (5001, 5002)}
    roster = "Identifier,Full name,ID number\nParticipant 5001,A,5002\nParticipant 5009,B,5001\n"
    report, _, lab = run_import("moodle", files, roster)
    assert report.matched == 1 and report.students == 2 and len(submitted(lab)) == 2


def test_blackboard_latest_attempt_and_users_with_underscores(run_import: Import) -> None:
    old, new = "2026-01-01-10-00-00", "2026-01-02-10-00-00"
    files = {
        f"Lab_1_s_1_attempt_{old}.txt": "Name: X (s_1)\n",
        f"Lab_1_s_1_attempt_{old}_main.c": "old",
        f"Lab_1_s_1_attempt_{new}.txt": "Name: X (s_1)\n",
        f"Lab_1_s_1_attempt_{new}_main.c": "new",
        f"Lab_1_s2_attempt_{old}.txt": "no name here",
    }
    report, _, lab = run_import("blackboard", files)
    assert submitted(lab) == {"s2": [], "s_1": ["main.c"]} and report.older_attempts == 1
    assert (lab / "submissions/s_1/main.c").read_text() == "new"


def test_blackboard_without_receipts_is_ambiguous_unless_the_roster_decides(run_import: Import) -> None:
    time = "2026-01-01-10-00-00"
    files = {f"Lab_1_{user}_attempt_{time}_main.c": user for user in ("s_1", "s_2")}
    report, codes, lab = run_import("blackboard", files, "Username,Last Name\ns_1,A\n2,B\ns_2,C\n")
    assert set(submitted(lab)) == {"s_1", "Lab_1_s_2"} and report.ambiguous == ("Lab_1_s_2",)
    assert "student-ambiguous" in codes and report.absent == ("2", "s_2")


def test_blackboard_receipt_of_one_student_separates_the_names_of_all(run_import: Import) -> None:
    time = "2026-01-01-10-00-00"
    files = {f"Lab_1_{user}_attempt_{time}_main.c": user for user in ("s_1", "s_2")}
    report, codes, lab = run_import("blackboard", files | {f"Lab_1_s_1_attempt_{time}.txt": "Name: X (s_1)"})
    assert set(submitted(lab)) == {"s_1", "s_2"} and report.ambiguous == () and "student-ambiguous" not in codes


def test_blackboard_name_with_one_separator_is_certain(run_import: Import) -> None:
    report, _, lab = run_import("blackboard", {"Lab 1_s1_attempt_2026-01-01-10-00-00_main.c": "x"})
    assert set(submitted(lab)) == {"s1"} and report.ambiguous == ()


def test_autolab_highest_version(run_import: Import) -> None:
    files = {f"s1@cs.example_{version}_my_hand-in.c": str(version) for version in (2, 10, 9)}
    files["s1@ee.example_1_handin.c"] = "x"
    report, _, lab = run_import("autolab", files)
    assert submitted(lab) == {"s1@cs.example": ["my_hand-in.c"], "s1@ee.example": ["handin.c"]}
    assert (lab / "submissions/s1@cs.example/my_hand-in.c").read_text() == "10" and report.older_attempts == 2


def test_submitty_active_version_and_cancelled_submission(run_import: Import) -> None:
    files = {
        "hw1/s1/1/main.c": "active",
        "hw1/s1/2/main.c": "later",
        "hw1/s1/user_assignment_settings.json": '{"active_version": 1, "history": []}',
        "hw1/s2/1/main.c": "x",
        "hw1/s2/user_assignment_settings.json": '{"active_version": 0}',
        "hw2/s3/1/main.c": "x",
        "hw2/s3/user_assignment_settings.json": "damaged",
    }
    report, _, lab = run_import("submitty", files, assignment="hw1")
    assert submitted(lab) == {"s1": ["main.c"], "s2": []} and report.students == 2
    assert (lab / "submissions/s1/main.c").read_text() == "active"


def test_github_classroom_names_by_grades_csv_and_roster(run_import: Import) -> None:
    files = {
        "lab1-submissions/lab1-user-1/main.c": "x",
        "lab1-submissions/lab1-team-a/main.c": "x",
        "lab1-submissions/lab1-user3/.git/config": "x",
        "lab1-submissions/lab1-user3/main.c": "x",
        "lab1-submissions/classroom-grades.csv": "github_username,roster_identifier,student_repository_name\n"
        "bob,s4,lab1-team-a\neve,s5,lab1-team-a\n",
    }
    roster = 'identifier,github_username,github_id,name\n"s1","User-1",1,"A"\n"s4","bob",2,"B"\n"s5","eve",3,"C"\n'
    report, _, lab = run_import("github-classroom", files, roster)
    assert submitted(lab) == {"s1": ["main.c"], "s4": ["main.c"], "user3": ["main.c"]}
    assert (report.students, report.groups, report.unmatched) == (4, 1, ("user3",))


def test_plain_folder_of_a_hand_in_script(run_import: Import) -> None:
    files = {"s1@cs/main.c": "x", "s2.zip": b"PK", "s3.py": "x", "notes.txt": "x", "s4.rar": "x", "s5@cs.pdf": "x"}
    report, codes, lab = run_import("folder", files)
    handed_in = {"s1@cs": ["main.c"], "s2": ["submission.zip"], "s3": ["submission.py"], "s4": ["submission.rar"]}
    assert submitted(lab) == handed_in | {"s5@cs": ["submission.pdf"]}
    assert report.students == 5 and codes == {"unused-file"}


@pytest.mark.parametrize("zipped", [False, True])
def test_plain_folder_in_a_wrapper_with_an_empty_folder(run_import: Import, zipped: bool, tmp_path: Path) -> None:
    top = "" if zipped else "all/"  # a zip file has a wrapper anyway
    files: dict[str, str | bytes] = {f"{top}s1/main.c": "x", f"{top}s2/main.c": "x", f"{top}s4.zip": b"PK"}
    if zipped:
        files["s3/"] = ""
    else:
        (tmp_path / "export/all/s3").mkdir(parents=True)
    report, _, lab = run_import("folder", files, zipped=zipped)
    expected = {"s1": ["main.c"], "s2": ["main.c"], "s3": [], "s4": ["submission.zip"]}
    assert submitted(lab) == expected and report.students == 4


def test_ids_that_are_no_folder_names_are_replaced_and_stay_distinct(run_import: Import) -> None:
    names = ["../x", "a/b", "a_b", ".git", "x" * 300, "", "-", "é", "e\u0301"]
    submitters = "".join(f"submission_{i}:\n  :submitters:\n  - :sid: {name!r}\n" for i, name in enumerate(names))
    report, _, lab = run_import("gradescope", {"submission_metadata.yml": submitters})
    assert report.students == len(submitted(lab)) == 8  # the last two are the same id
    assert not any(folder.name.startswith(".") or len(folder.name) > 200 for folder in (lab / "submissions").iterdir())


@pytest.mark.parametrize("rows", [
    "s1,s1,lab1-s2\n",  # a repository of its own, by its name
    "s1,s2,lab1-s1\ns2,s2,lab1-s2\n",  # the same number twice
    "s1,s1,lab1-s1\ns2,s1,lab1-s2\n",
    "s2,s1,lab1-s1\ns1,s2,lab1-s2\n",
])  # fmt: skip
def test_ids_that_contradict_each_other_lose_no_student(run_import: Import, rows: str) -> None:
    table = "github_username,roster_identifier,student_repository_name\n" + rows
    files = {"grades.csv": table, "lab1-s1/main.c": "x", "lab1-s2/main.c": "y", "lab1-s3/main.c": "z"}
    report, _, lab = run_import("github-classroom", files)
    assert report.students == len(submitted(lab)) == 3


def test_two_accounts_with_the_same_student_number_are_two_submissions(run_import: Import) -> None:
    owners = "".join(f"submission_{i}:\n  :submitters:\n  - :sid: s1\n    :email: {i}@x\n" for i in (1, 2))
    files = {"submission_metadata.yml": owners, "submission_1/main.c": "x", "submission_2/main.c": "y"}
    report, _, lab = run_import("gradescope", files)
    assert report.students == len(submitted(lab)) == 2


def test_owner_whose_ids_are_those_of_two_students_on_the_roster_is_ambiguous(run_import: Import) -> None:
    owner = "submission_1:\n  :submitters:\n  - :sid: s1\n    :email: b@x\n"
    roster = "First Name,Last Name,SID,Email\nA,A,s1,a@x\nB,B,s2,b@x\n"
    files = {"submission_metadata.yml": owner, "submission_1/main.c": "x"}
    report, codes, _ = run_import("gradescope", files, roster)
    assert report.ambiguous == ("s1",) and "roster-ambiguous" in codes


def test_roster_of_the_lab_has_the_ids_of_its_folders(run_import: Import) -> None:
    roster = "First Name,Last Name,SID,Email\n=HYPERLINK(1),Roe,s1,z@uni.example\n"
    _, _, lab = run_import("autolab", {"z@uni.example_1_main.c": "x"}, roster)
    with (lab / "roster.csv").open() as file:
        assert list(csv.reader(file))[1] == ["s1", "'=HYPERLINK(1)", "Roe", "z@uni.example"]
    assert list(submitted(lab)) == ["s1"]


def test_wrong_platform_names_the_right_one(run_import: Import) -> None:
    with pytest.raises(InputError) as raised:
        run_import("canvas", {"submission_metadata.yml": METADATA, "submission_101/main.c": "x"})
    [issue] = raised.value.issues
    assert issue.code == "no-export" and "grader import gradescope" in issue.hint


def test_existing_lab_is_never_changed(run_import: Import, tmp_path: Path) -> None:
    (tmp_path / "labs/lab1").mkdir(parents=True)
    (tmp_path / "labs/lab1/ps.txt").write_text("mine")
    with pytest.raises(InputError) as raised:
        run_import("autolab", {"z@uni.example_1_main.c": "x"})
    assert raised.value.issues[0].code == "output-exists"
    assert [each.name for each in (tmp_path / "labs/lab1").iterdir()] == ["ps.txt"]


def test_headings_are_normalized_once_for_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradebook has hundreds of columns and thousands of rows."""
    normalized: list[str] = []

    def counted(heading: str) -> str:
        normalized.append(heading)
        return folded_heading(heading)

    monkeypatch.setattr("labs_schema.imports.platform_tables.folded_heading", counted)
    records = list(PlatformTable(("SIS User ID", "Name"), (("1", "a"), ("2", "b"), ("3", "c"))).records())
    assert records[2] == {"sisuserid": "3", "name": "c"} and len(normalized) == 2
