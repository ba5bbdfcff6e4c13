"""`grader regrade` at the terminal: a table that names no student, and a second run that has nothing to do."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from grader.cli import app
from grader.regrading import regrade_labs, regraded_table
from labs_schema.errors import GraderError
from labs_schema.models import Lab
from labs_schema.validate import load_lab
from labs_schema.writer import write_lab
from serving.grade_files import read_grades
from serving.graded_folder import Regraded
from serving.grading import Grader
from serving.measures.comparison import Comparison, CriterionComparison, Difference


def shown(regraded: Regraded, trained: int = 0) -> str:
    screen = Console(file=io.StringIO(), width=120)
    screen.print(regraded_table(regraded, Path("out"), trained))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    return str(text)


def test_the_table_counts_by_criterion_and_names_no_student() -> None:
    confusion = {"A": {"A": 6, "B": 3}, "B": {"A": 1, "B": 0}}
    difference = Difference(student="s007", criterion="[red]Works?", ta="A", grader="B", confidence=0.9)
    row = CriterionComparison(
        criterion="[red]Works?", rated_by_both=10, agreed=6, ungraded=2, needs_review=5, confusion=confusion
    )
    comparison = Comparison(
        lab="lab1",
        submissions=12,
        rated_by_both=10,
        agreed=6,
        agreement=0.6,
        criteria=(row,),
        differences=(difference,) * 4,
    )
    regraded = Regraded(kept=8, graded=4, torn=13, comparison=comparison)
    text = shown(regraded)
    assert "trained on" not in text and "trained on 7 of these students" in shown(regraded, 7)
    line = next(line for line in text.splitlines() if "[red]Works?" in line)
    assert line.split()[1:] == ["10", "60.0%", "2", "5", "A,", "B:", "3"]
    assert "4 submissions graded, 8 kept" in text
    assert "13 bytes" in text
    assert "s007" not in text


def test_the_command_grades_a_lab_once(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    write_lab(make_lab(students=5), tmp_path / "lab1")
    arguments = ["regrade", str(tmp_path / "lab1"), "--model", str(tiny_model_folder), "--engine", "transformers"]
    arguments += ["--out", str(tmp_path / "out")]
    first: Any = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "5 submissions graded." in first.output
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    written = {"grades.jsonl", "rubric_ratings.csv", "rubric_comments.csv", "summary.json", "cost.json"}
    assert files.keys() == written
    again: Any = CliRunner().invoke(app, arguments)
    assert "0 submissions graded, 5 kept" in again.output
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (tmp_path / "lab1" / "rubric_ratings.csv").write_bytes(files["rubric_ratings.csv"])
    assert len(load_lab(tmp_path / "lab1").ratings_given) == 5


def test_a_course_is_graded_into_a_folder_a_lab_and_a_stop_says_what_is_kept(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lab1", "lab2"):
        write_lab(make_lab(name, students=17), tmp_path / name)
    folders, out = [tmp_path / "lab1", tmp_path / "lab2"], tmp_path / "out"
    grade, calls = Grader.grade, list[int]()

    def stopped(grader: Grader, lab: Lab, submissions: Any, **options: Any) -> Any:
        calls.append(len(submissions))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return grade(grader, lab, submissions, **options)

    monkeypatch.setattr(Grader, "grade", stopped)
    with pytest.raises(GraderError, match=r"^Stopped. 16 of 34 submissions are graded and kept in .*out. The same"):
        regrade_labs(folders, str(tiny_model_folder), out, engine="transformers")
    regrade_labs(folders, str(tiny_model_folder), out, engine="transformers")
    assert calls == [16, 1, 1, 16, 1]
    assert {path.name for path in out.iterdir()} == {"lab1", "lab2", "cost.json"}
    assert len(read_grades(out / "lab2" / "grades.jsonl")) == 17


def test_what_is_no_cluster_is_refused_before_anything_is_loaded(
    make_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lab(make_lab(students=1), tmp_path / "lab1")
    with pytest.raises(GraderError, match="--cluster gpu7: expected local, or the address of a Ray cluster"):
        regrade_labs([tmp_path / "lab1"], "no/model", tmp_path / "out", cluster="gpu7")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GraderError, match="--cluster needs Ray"):
        regrade_labs([tmp_path / "lab1"], "no/model", tmp_path / "out", cluster="local")
