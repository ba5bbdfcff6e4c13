"""`grader check`: the table, the JSON output and the exit status."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from grader.tables.lab_check import check_labs
from labs_schema.errors import InputError
from tests.harness.courses.lab_folders import write_lab


@pytest.fixture
def labs(tmp_path, make_lab) -> Path:
    for name in ("lab1", "lab2"):
        write_lab(make_lab(name=name), tmp_path / name)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_valid_labs_give_a_table_and_status_0(labs) -> None:
    result = run(labs)
    assert result.exit_code == 0
    assert "lab2" in result.output and "All labs can be used." in result.output


def test_issues_are_grouped_and_errors_give_status_1(labs) -> None:
    (labs / "lab1" / "ps.txt").write_bytes(b"a\0b")
    for student in range(5):
        (labs / "lab2" / "submissions" / f"s00{student}@course" / "main.o").write_bytes(b"\0")
    result = run(labs)
    assert result.exit_code == 1
    assert "error binary-file (1)\n    lab1/ps.txt: found" in result.output
    assert "warning litter (5)" in result.output and "and 2 more" in result.output
    assert "1 of 2 labs cannot be used" in result.output


def test_json_has_sizes_and_all_issues(labs) -> None:
    (labs / "lab1" / "rubrics.json").write_text("[")
    (labs / "notes.txt").write_text("x")
    result = run(labs, "--json")
    report = json.loads(result.output)
    assert result.exit_code == 1
    assert [(lab["lab"], lab["submissions"], lab["graded"]) for lab in report["labs"]] == [
        ("lab1", None, None),
        ("lab2", 6, 12),
    ]
    assert report["labs"][0]["issues"][0]["code"] == "bad-json" and report["strays"][0]["code"] == "stray-file"


def test_markup_in_a_name_is_printed_literally(labs) -> None:
    (labs / "lab1" / "[red]x[").write_text("")
    assert "lab1/[red]x[: found" in run(labs / "lab1").output


def test_language_option(labs) -> None:
    assert json.loads(run(labs / "lab1", "--json", "--language", "c++").output)["labs"][0]["language"] == "C++"


def test_lab_name_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    lab = tmp_path / os.fsdecode(b"lab\xff\x1b")
    lab.mkdir()
    (lab / "rubrics.json").write_text("[")
    for arguments in ([tmp_path], [tmp_path, "--json"]):
        result = run(*arguments)
        assert isinstance(result.exception, SystemExit) and result.exit_code == 1
        shown = json.loads(result.output)["labs"][0]["lab"] if "--json" in arguments else result.output
        assert "\x1b" not in result.output and "lab\xff_" in shown


@pytest.mark.parametrize("name", ["a_b_3001_90001_main.c", "submission_metadata.yml", "s1@cs.example_2_main.c"])
def test_export_in_a_lab_is_an_error_with_the_command_to_import_it(labs: Path, name: str) -> None:
    submissions = labs / "lab1" / "submissions"
    for folder in submissions.iterdir():
        folder.rename(labs / folder.name)
    (submissions / name).write_text("x")
    result = run(labs / "lab1", "--json")
    issues = json.loads(result.output)["labs"][0]["issues"]
    assert result.exit_code == 1 and issues[0]["code"] == "unimported-export"
    assert f"{submissions} --lab {labs / 'lab1'} --out {labs / 'lab1-imported'}" in issues[0]["hint"]


def test_exports_among_labs_and_instead_of_labs_are_named(labs: Path) -> None:
    (labs / "moodle" / "Ann_1_assignsubmission_file_").mkdir(parents=True)
    (labs / "moodle" / "Ann_1_assignsubmission_file_" / "main.c").write_text("x")
    among = json.loads(run(labs, "--json").output)["strays"]
    assert among[0]["code"] == "unimported-export" and "grader import moodle" in among[0]["hint"]
    with pytest.raises(InputError) as raised:
        check_labs(labs / "moodle")
    assert [issue.code for issue in raised.value.issues] == ["unimported-export", "no-labs"]


def test_plain_folder_of_submissions_is_named(labs: Path) -> None:
    (labs / "lab1" / "submissions").rename(labs.parent / "handin")
    with pytest.raises(InputError) as raised:
        check_labs(labs.parent / "handin")
    assert "grader import folder" in raised.value.issues[0].hint


def test_ratings_as_gradescope_exports_them_are_named(labs: Path) -> None:
    header = "Assignment Submission ID,SID,Score,Submission Time,Compiles,Adjustment,Comments,Grader,Tags"
    (labs / "lab1" / "rubric_ratings.csv").write_text(header + "\n1,s1,1,t,true,,,A,\n")
    report = check_labs(labs / "lab1")
    assert report.labs[0].issues[0].code == "unimported-export" and not report.ok


def test_faults_in_checks_are_errors_of_the_lab(labs: Path) -> None:
    folder = next(path for path in sorted(labs.iterdir()) if path.is_dir())
    (folder / "checks.yaml").write_text("tests: [{name: a, second: 1}, {stdin: 2}]")
    report = check_labs(labs)
    assert not report.ok
    found = [issue.code for lab in report.labs for issue in lab.issues if issue.path.endswith("checks.yaml")]
    assert found == ["check-field", "check-field"]
