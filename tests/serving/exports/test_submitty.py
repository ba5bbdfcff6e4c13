"""Submitty's result files, read as its pages and its database script read them, and by this project's own reader."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.errors import InputError
from labs_schema.imports.observations.results_json import parse_results, submitty
from serving.exports.exporter import ExportRequest, export_results
from serving.exports.scores import Policy
from tests.serving.exports.conftest import WriteResults

TYPES = {"failure", "warning", "success", "information"}


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    """The gradeable `hw1`: s000's second version of three is active, s002 cancelled, and s003 is not on Submitty."""
    for user, versions, active in (("s000", 3, 2), ("s001", 1, 1), ("s002", 1, 0), ("zoe", 1, 1)):
        for version in range(1, versions + 1):
            folder = tmp_path / "submissions" / "hw1" / user / str(version)
            folder.mkdir(parents=True)
            (folder / "main.c").write_text("int main(void) {}")
        settings = {"active_version": active, "history": []}
        (folder.parent / "user_assignment_settings.json").write_text(json.dumps(settings))
    return tmp_path / "submissions" / "hw1"


def exported(results: Path, out: Path, submissions: Path, **policy: bool) -> tuple[dict[str, bytes], Any]:
    report = export_results(ExportRequest("submitty", results, submissions, policy=Policy(**policy)), out)
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name) for name in archive.namelist()}, report


def shown(data: bytes) -> list[tuple[float, list[str]]]:
    """Points and messages of each test case, as the page takes them: by place, and messages of the four types only."""
    document = json.loads(data)
    total = document["automatic_grading_total"]
    assert total == document["nonhidden_automatic_grading_total"] == sum(
        each["points_awarded"] for each in document["testcases"]
    )  # fmt: skip
    cases = []
    for case in document["testcases"]:
        messages = [message for check in case["autochecks"] for message in check["messages"]]
        assert all(each["type"] in TYPES and isinstance(each["message"], str) for each in messages)
        assert all(isinstance(check["description"], str) for check in case["autochecks"])
        cases.append((float(case["points_awarded"]), [each["message"] for each in messages]))
    return cases


def test_accepted_grades_are_results_of_the_active_version(
    write_results: WriteResults, submissions: Path, tmp_path: Path
) -> None:
    files, report = exported(write_results(), tmp_path / "out.zip", submissions)
    assert list(files) == ["results/hw1/s000/2/results.json", "results/hw1/s000/2/grade.txt"]
    assert shown(files["results/hw1/s000/2/results.json"]) == [(2, ['=1+1 <b>, "fine"\nLine 2']), (1, [])]
    assert b"Automatic grading total: 3 / 3" in files["results/hw1/s000/2/grade.txt"]
    assert (report.students, report.written, report.not_in_results) == (4, 1, 1)
    assert report.not_in_file == ("s002", "s003")  # a cancelled submission, and no submission


def test_review_is_included_on_request_and_an_ungraded_student_has_no_results(
    write_results: WriteResults, submissions: Path, tmp_path: Path
) -> None:
    files, report = exported(write_results(), tmp_path / "out.zip", submissions, include_review=True)
    assert [name for name in files if name.endswith(".json")] == [
        "results/hw1/s000/2/results.json", "results/hw1/s001/1/results.json",
    ]  # fmt: skip
    assert (report.written, report.ungraded) == (2, 1)
    exported(tmp_path / "results", tmp_path / "again.zip", submissions, include_review=True)
    assert (tmp_path / "out.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_the_results_are_read_back_by_the_importer(
    write_results: WriteResults, submissions: Path, tmp_path: Path
) -> None:
    files, _ = exported(write_results(), tmp_path / "out.zip", submissions)
    read = parse_results(files["results/hw1/s000/2/results.json"], submitty)
    assert [(each.check, each.points) for each in read] == [("Does it compile?", 2), ("Is it readable?", 1)]


def test_one_of_several_gradeables_is_chosen(write_results: WriteResults, submissions: Path, tmp_path: Path) -> None:
    other = submissions.parent / "hw2" / "s000"
    (other / "7").mkdir(parents=True)
    (other / "7" / "main.c").write_text("x")
    (other / "user_assignment_settings.json").write_text('{"active_version": 7}')
    with pytest.raises(InputError) as raised:
        exported(write_results(), tmp_path / "out.zip", submissions.parent)
    assert raised.value.issues[0].code == "several-assignments"
    request = ExportRequest("submitty", tmp_path / "results", submissions.parent, assignment="hw2")
    export_results(request, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist()[0] == "results/hw2/s000/7/results.json"


@pytest.mark.parametrize("parent", [False, True])
def test_a_students_file_that_is_called_as_the_settings_changes_nothing(
    parent: bool, write_results: WriteResults, submissions: Path, tmp_path: Path
) -> None:
    (submissions / "s001" / "1" / "user_assignment_settings.json").write_text("{}")
    files, _ = exported(write_results(), tmp_path / "out.zip", submissions.parent if parent else submissions)
    assert list(files) == ["results/hw1/s000/2/results.json", "results/hw1/s000/2/grade.txt"]


def test_the_command_writes_the_zip_file(
    write_results: WriteResults, submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "store.db"))
    command: Callable[..., Any] = CliRunner().invoke
    given = ["export", "submitty", str(write_results()), "--out", str(tmp_path / "r.zip")]
    assert command(app, given).exit_code != 0 and not (tmp_path / "r.zip").exists()
    assert command(app, [*given, "--template", str(submissions)]).exit_code == 0
    assert zipfile.is_zipfile(tmp_path / "r.zip")
