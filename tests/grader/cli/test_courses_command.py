"""`grader courses`: adding after a check, listing, removing; and starting a service without a model or course."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.service.local_store import local_store
from labs_schema.errors import GraderError
from labs_schema.models import Lab
from prompts.manifest import write_manifest
from tests.harness.courses.lab_folders import write_lab


@pytest.fixture
def grader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command on a store of its own."""
    monkeypatch.setenv("GRADER_STORE", f"sqlite:///{tmp_path}/store/grader.db")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def latest(tmp_path: Path, tiny_model_folder: Path, byte_tokenizer: Any, manifest_of: Any) -> Path:
    """Merged weights, by a link such as `runs/latest`."""
    import shutil

    shutil.copytree(tiny_model_folder, tmp_path / "runs" / "one")
    facts = {"base_model": ".", "trained_from": "Qwen/Coder", "base_licence": "Apache-2.0"}
    write_manifest(manifest_of(byte_tokenizer, **facts), tmp_path / "runs" / "one")
    (tmp_path / "runs" / "latest").symlink_to("one")
    return tmp_path / "runs" / "latest"


def test_course_is_added_listed_and_removed(
    grader: Callable[..., Any], latest: Path, tmp_path: Path, make_lab: Callable[..., Lab]
) -> None:
    write_lab(make_lab(students=1), tmp_path / "labs" / "lab1")
    added = grader("courses", "add", "cs101", "--model", str(latest), "--labs", str(tmp_path / "labs"))
    assert added.exit_code == 0, added.output
    listed = grader("courses", "list").output
    for text in (f"cs101  {tmp_path}/runs/one", "base Qwen/Coder, licence Apache-2.0", f"labs {tmp_path}/labs"):
        assert text in added.output and text in listed
    again = grader("courses", "add", "cs101", "--model", str(latest)).output
    assert f"labs {tmp_path}/labs" in again
    assert "not calibrated" in listed and "an adapter" not in added.output
    assert grader("courses", "remove", "cs101").exit_code == 0
    assert (grader("courses", "list").stdout, "grader courses add" in grader("courses", "list").stderr) == ("", True)
    assert "courses list" in str(grader("courses", "remove", "cs101").exception)
    with local_store() as store:
        assert store.verify().faults == ()


def test_unsuitable_model_or_labs_are_not_registered(
    grader: Callable[..., Any], latest: Path, tmp_path: Path, tiny_model_folder: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for wrong, text in (
        (["--model", str(tiny_model_folder)], "manifest.json"),
        (["--model", str(tmp_path / "none")], "no such folder"),
        (["--model", str(latest), "--labs", str(tmp_path / "empty")], "no-labs"),
    ):
        refused = grader("courses", "add", "cs101", *wrong)
        assert isinstance(refused.exception, GraderError) and text in str(refused.exception)
    assert (grader("courses", "list").stdout, "grader courses add" in grader("courses", "list").stderr) == ("", True)


def test_missing_model_and_courses_are_reported_with_a_command(grader: Callable[..., Any]) -> None:
    for command, text in (
        (["serve", "--port", "0"], "grader courses add"),
        (["serve", "--port", "0", "--labs", "labs"], "require --model"),
        (["worker"], "grader courses add"),
        (["worker", "--model", "runs/latest"], "--labs"),
    ):
        assert text in str(grader(*command).exception)
