"""`grader check`: the table, the JSON output and the exit status."""

import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from grader.cli.check import check
from labs_schema.lab_writer import write_lab


@pytest.fixture
def labs(tmp_path, make_lab) -> Path:
    for name in ("lab1", "lab2"):
        write_lab(make_lab(name=name), tmp_path / name)
    return tmp_path


def run(*arguments: object) -> Result:
    app = typer.Typer(rich_markup_mode="rich")
    app.command()(check)
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_valid_labs_give_a_table_and_status_0(labs) -> None:
    result = run(labs)
    assert result.exit_code == 0
    assert "lab2" in result.output and "All labs can be used." in result.output


def test_issues_are_grouped_and_errors_give_status_1(labs) -> None:
    (labs / "lab1" / "ps.txt").write_bytes(b"\0")
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
        assert "\x1b" not in result.output and "lab\xff_" in result.output
