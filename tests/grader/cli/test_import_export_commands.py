"""`grader import` and `grader export`: from files to files, and the record for forgotten students."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.models import Lab
from serving.store.store import open_store
from tests.serving.exports.conftest import write_accepted


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_import_reports_and_writes_a_lab(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "s1@x.example_1_main.c").write_text("x")
    dry = run("import", "autolab", tmp_path / "export", "--dry-run")
    assert dry.exit_code == 0 and "nothing was written" in dry.output
    done = run("import", "autolab", tmp_path / "export", "--out", tmp_path / "labs" / "lab")
    assert done.exit_code == 0 and "1 of 1 students" in done.output
    assert (tmp_path / "labs/lab/submissions/s1@x.example/main.c").exists()
    assert run("import", "autolab", tmp_path / "export").exit_code == 2


def test_exported_file_is_recorded_for_forgotten_students(
    tmp_path: Path, make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "store.db"))
    lab = make_lab(students=2)
    results = write_accepted(lab, lab.ratings_by_student, tmp_path / "results")
    store = open_store(str(tmp_path / "store.db"))
    store.record_export("cs101", results)
    done = run("export", "excel", results, "--out", tmp_path / "marks.csv")
    assert done.exit_code == 0 and "accepted grades" in done.output
    assert {(each.path, each.course) for each in store.list_exports()} == {
        (results, "cs101"),
        (tmp_path / "marks.csv", "cs101"),
    }
    store.close()
