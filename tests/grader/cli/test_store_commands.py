"""The store at the terminal: keys, the audit, forgetting and replaying."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.service.local_store import local_store
from labs_schema.models import Lab, SourceFile, Submission


@pytest.fixture
def grader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command on a store of its own."""
    monkeypatch.setenv("GRADER_STORE", f"sqlite:///{tmp_path}/store/grader.db")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_key_is_shown_once(grader: Callable[..., Any]) -> None:
    assert "grader keys create" in grader("keys", "list").stderr
    made = grader("keys", "create", "moodle", "--role", "platform", "--course", "cs101")
    token = made.stdout.strip()
    with local_store() as store:
        key = store.find_key(token)
    assert key is not None and key.opens("cs101") and not key.opens("cs102")
    listed = grader("keys", "list").output
    assert key.id in listed and "moodle" in listed and "active" in listed and token not in listed
    assert grader("keys", "revoke", key.id).exit_code == 0
    assert "revoked" in grader("keys", "list").output
    with local_store() as store:
        assert store.find_key(token) is None


def test_audit_reports_the_entry_and_fails(grader: Callable[..., Any], tmp_path: Path) -> None:
    grader("keys", "create", "moodle", "--role", "ta")
    fine = grader("audit", "verify")
    assert fine.exit_code == 0 and "1 entries, 0 faults" in fine.output
    head = fine.output.split()[-1]
    assert grader("audit", "verify", "--head", head).exit_code == 0
    with sqlite3.connect(tmp_path / "store" / "grader.db") as connection:
        connection.execute("UPDATE keys SET role = 'admin'")
    connection.close()
    found = grader("audit", "verify")
    assert found.exit_code == 1 and "entry 1: its key was changed" in found.output


def test_student_is_forgotten_in_store_and_exports(grader: Callable[..., Any], tmp_path: Path) -> None:
    with local_store() as store:
        for course in ("cs101", "cs102"):
            store.pseudonym_for(course, "s1", actor="api")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "grades.jsonl").write_text('{"student": "s1"}\n')
    (tmp_path / "out" / "report.html").write_text("s1")
    result = grader("forget", "s1", "--course", "cs101", "--export", str(tmp_path / "out"))
    assert "1 students forgotten" in result.output and "1 export files changed" in result.output
    assert "report.html" in result.output and "s1" not in result.output.replace(str(tmp_path), "")
    assert (
        "no such student" not in result.output and "no such student" in grader("forget", "s1", "--course", "x").output
    )
    assert "1 students forgotten" in grader("forget", "s1").output
    assert "0 students forgotten" in grader("forget", "--older-than", "400", "--course", "cs101").output
    for wrong in ([], ["--older-than", "4"], ["s1", "--older-than", "4", "--course", "c"]):
        assert grader("forget", *wrong).exit_code == 2
    assert "0 faults" in grader("audit", "verify").output


def test_stored_grade_is_replayed(
    grader: Callable[..., Any], make_lab: Callable[..., Lab], tiny_model_folder: Path
) -> None:
    from serving.model.loading import GraderOptions, load_grader

    lab, model = make_lab(students=0), load_grader(str(tiny_model_folder), GraderOptions(engine="transformers"))
    with local_store() as store:
        someone = store.pseudonym_for("cs101", "s1", actor="api")
        work = Submission(student=someone, folder=someone, files=(SourceFile(path="a.c", text="int a;\n"),))
        [grade_id] = store.record_grades(lab, [work], model.grade(lab, [work]), request="r", actor="job")
    replayed = grader("replay", grade_id, "--model", str(tiny_model_folder), "--engine", "transformers")
    assert replayed.exit_code == 0 and "the same grade" in replayed.output, replayed.output
