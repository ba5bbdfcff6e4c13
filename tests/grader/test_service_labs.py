"""What the service says of labs when it starts: its stderr is a log, which names no student."""

import io
from contextlib import closing
from pathlib import Path

from rich.console import Console

from grader.service.courses import read_labs, served_courses
from grader.service.engine import ModelOptions
from labs_schema.lab_writer import write_lab
from serving.store.store import open_store


def test_a_lab_that_cannot_be_served_is_named_without_its_students(tmp_path: Path, make_lab) -> None:
    for name in ("lab1", "lab2"):
        write_lab(make_lab(name), tmp_path / name)
    table = tmp_path / "lab2" / "rubric_ratings.csv"
    last = table.read_text(encoding="utf-8").splitlines()[-1]
    table.write_text(table.read_text(encoding="utf-8") + last + "\n", encoding="utf-8")  # a student twice
    said = io.StringIO()
    labs = read_labs(tmp_path, Console(file=said, width=200))
    assert list(labs) == ["lab1"]
    assert "left out lab2: duplicate-student" in said.getvalue() and "s005" not in said.getvalue()


def test_who_starts_a_service_reads_which_course_it_serves(tmp_path: Path, make_lab) -> None:
    write_lab(make_lab("lab1"), tmp_path / "labs" / "lab1")
    said = io.StringIO()
    screen = Console(file=said, width=200)
    with closing(open_store(f"sqlite:///{tmp_path}/grader.db")) as store:
        assert served_courses(store, ModelOptions(model="model", labs=tmp_path / "labs"), screen).names() == ("labs",)
    assert "course: labs, named after the folder" in said.getvalue()
