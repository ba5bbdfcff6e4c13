"""Start-up messages about courses and labs; they name no student."""

import io
from contextlib import closing
from pathlib import Path

from rich.console import Console

from grader.service.courses import read_labs, served_courses
from grader.service.engine import ModelOptions
from serving.store.store import open_store
from tests.harness.courses.lab_folders import write_lab


def test_unreadable_lab_is_reported_without_students(tmp_path: Path, make_lab) -> None:
    for name in ("lab1", "lab2"):
        write_lab(make_lab(name), tmp_path / name)
    table = tmp_path / "lab2" / "rubric_ratings.csv"
    last = table.read_text(encoding="utf-8").splitlines()[-1]
    table.write_text(table.read_text(encoding="utf-8") + last + "\n", encoding="utf-8")  # a student twice
    output = io.StringIO()
    labs = read_labs(tmp_path, Console(file=output, width=200))
    assert list(labs) == ["lab1"]
    assert "left out lab2: duplicate-student" in output.getvalue() and "s005" not in output.getvalue()


def test_course_is_printed(tmp_path: Path, make_lab) -> None:
    write_lab(make_lab("lab1"), tmp_path / "labs" / "lab1")
    output = io.StringIO()
    screen = Console(file=output, width=200)
    with closing(open_store(f"sqlite:///{tmp_path}/grader.db")) as store:
        assert served_courses(store, ModelOptions(model="model", labs=tmp_path / "labs"), screen).names() == ("labs",)
    assert "course: labs, named after the folder" in output.getvalue()
