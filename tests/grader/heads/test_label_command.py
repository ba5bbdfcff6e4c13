"""`grader label` in a terminal, with made-up hidden states."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.experiments import label as module
from grader.heads.base import HeadBase
from labs_schema.errors import GraderError
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from prompts.base_models import BaseModelSource
from tests.harness.courses.lab_folders import write_lab


@pytest.fixture
def parent(labs: list[Lab], base: HeadBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an unrated and a rated lab."""
    folder = tmp_path / "labs"
    write_lab(labs[0].model_copy(update={"human_grades": ()}), folder / "lab1")
    write_lab(labs[1], folder / "lab2")
    monkeypatch.setattr(module, "find_base", lambda name: BaseModelSource(name=name, source=name))
    monkeypatch.setattr(module, "open_base", lambda *_: base)
    return folder


def run(parent: Path, *arguments: str, answers: str = "") -> str:
    out = str(parent.parent / "out")
    found = CliRunner().invoke(app, ["label", str(parent / "lab1"), "--out", out, *arguments], input=answers)
    assert found.exit_code == 0, found.output
    return found.output


def test_proposals_are_submission_folders(parent: Path) -> None:
    proposed = run(parent, "--propose", "3").split()
    assert len({name for name in proposed if name.endswith("@course")}) == 3


def test_ratings_are_saved_at_once_and_the_session_resumes(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "save_run", lambda *_: parent.parent / "out" / "run")
    monkeypatch.setattr(module, "update_latest_link", lambda _: None)
    run(parent, answers="a\nb\nA\nquit\n")
    [(first, given), (_, started)] = load_lab(parent / "lab1").ratings_by_student.items()
    assert list(given.values()) == ["A", "B"]
    assert len(started) == 1
    run(parent, answers="skip\n")
    assert load_lab(parent / "lab1").ratings_by_student[first] == given
    versions = (parent.parent / "out" / "lab1" / "versions.jsonl").read_text().splitlines()
    assert json.loads(versions[0])["estimate"]["programs"] == 1


def test_nothing_to_learn_from_is_an_error(parent: Path) -> None:
    shutil.rmtree(parent / "lab2")
    found = CliRunner().invoke(app, ["label", str(parent / "lab1"), "--finish"])
    assert isinstance(found.exception, GraderError)
    assert found.exception.code == "nothing-to-learn"
