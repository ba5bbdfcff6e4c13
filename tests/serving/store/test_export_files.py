"""Removing students from result files; everything else stays byte for byte."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.jobs.in_process.cli_jobs import grade_jobs
from serving.jobs.repository import JobRepository
from serving.jobs.results.export import export
from serving.store.exports import erase_from_exports
from serving.store.store import Store
from tests.harness.courses.lab_folders import write_lab


def test_only_the_students_lines_rows_and_items_are_removed(
    make_lab: Callable[..., Lab], fake_grader: Any, store: Store, tmp_path: Path
) -> None:
    lab, out = make_lab(students=6), tmp_path / "out"
    job = JobRepository(store.database).add("cs101", lab, actor="ta", cli=True)
    grade_jobs(fake_grader, store, {lab.name: (job, lab)}, lambda _: None)
    export(store, job, lab, out)
    files = ["grades.jsonl", "marks.csv", "rubric_ratings.csv", "summary.json"]
    before = {name: (out / name).read_text() for name in files}
    assert all("s004" in text for text in before.values())
    done = erase_from_exports({"s004"}, [out])
    assert [path.name for path in done.changed] == files and done.left == ()
    after = {name: (out / name).read_text() for name in files}
    assert not any("s004" in text for text in after.values())
    lines = before["grades.jsonl"].splitlines()
    assert after["grades.jsonl"].splitlines() == [line for line in lines if '"s004"' not in line]
    rows = before["marks.csv"].splitlines()
    assert after["marks.csv"].splitlines() == [row for row in rows if not row.startswith("s004,")]
    summary = json.loads(before["summary.json"])
    summary["differences"] = [each for each in summary["differences"] if each["student"] != "s004"]
    assert json.loads(after["summary.json"]) == summary
    write_lab(lab, tmp_path / "lab1")
    (tmp_path / "lab1" / "rubric_ratings.csv").write_text(after["rubric_ratings.csv"])
    assert "s004" not in load_lab(tmp_path / "lab1").ratings_by_student
    assert erase_from_exports({"s004"}, [out]).changed == ()


def test_lines_of_the_api_are_removed(tmp_path: Path) -> None:
    text = "\u2028\x85"  # line separators to Python, which pydantic does not escape
    lines = [
        f'{{"grade_id": "{i}", "grade": {{"student": "s{i}", "text": "{text}"}}, "ratings": {{"x": "A"}}}}\n'
        for i in range(3)
    ]
    (tmp_path / "grades.jsonl").write_text("".join(lines))
    erase_from_exports({"s1"}, [tmp_path])
    assert (tmp_path / "grades.jsonl").read_text() == lines[0] + lines[2]


def test_longer_ids_are_other_students(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"s1": {"x": 1}, "s12": {"student": "s1"}, "of": ["s1", "s10", {"folder": "s1@c"}]}'
    )
    (tmp_path / "b.csv").write_text("Id,n\r\ns1@c,1\r\ns12@c,2\r\n'=x,3\r\n")
    assert erase_from_exports({"s1"}, [tmp_path]).left == ()
    assert json.loads((tmp_path / "a.json").read_text()) == {"of": ["s10"]}
    assert (tmp_path / "b.csv").read_text() == "Id,n\ns12@c,2\n'=x,3\n"
    assert erase_from_exports({"=x"}, [tmp_path]).changed == (tmp_path / "b.csv",)


def test_numeric_id_does_not_match_marks(tmp_path: Path) -> None:
    (tmp_path / "marks.csv").write_text("student,total,Is it good?\n1,2,2\n2,2,1\n'=2,2,2\n")
    erase_from_exports({"2", "=2"}, [tmp_path])
    assert (tmp_path / "marks.csv").read_text() == "student,total,Is it good?\n1,2,2\n"


def test_id_1_does_not_match_rating_flags(tmp_path: Path) -> None:
    (tmp_path / "rubric_ratings.csv").write_text("Is it good?,A,B\ns1,1,0\n1,0,1\n")
    erase_from_exports({"1"}, [tmp_path])
    assert (tmp_path / "rubric_ratings.csv").read_text() == "Is it good?,A,B\ns1,1,0\n"


def test_files_that_still_name_the_student_are_reported(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<td>s1</td>")
    (tmp_path / "torn.jsonl").write_text('{"student": "s1", "x"')
    (tmp_path / "s1@cs101").mkdir()
    (tmp_path / "s1@cs101" / "main.c").write_text("int a;")
    (tmp_path / "fine.html").write_text("<td>s10, xs1</td>")
    done = erase_from_exports({"s1"}, [tmp_path])
    assert done.changed == () and {path.name for path in done.left} == {"report.html", "torn.jsonl", "main.c"}


def test_vanished_file_is_skipped_and_missing_path_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").write_text('{"student": "s1"}\n')
    (tmp_path / "b.jsonl").write_text('{"student": "s1"}\n')
    read = Path.read_bytes

    def renamed_first(path: Path) -> bytes:
        (tmp_path / "a.jsonl").unlink(missing_ok=True)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", renamed_first)
    assert erase_from_exports({"s1"}, [tmp_path]).changed == (tmp_path / "b.jsonl",)
    with pytest.raises(FileNotFoundError, match="no such export"):
        erase_from_exports({"s1"}, [tmp_path / "gone"])


@pytest.mark.parametrize(
    ("forgotten", "left"),
    [("ann@cs", "student\nann@ee\n"), ("ann", "student\nann@cs\nann@ee\n"), ("ann@law", "student\nann@cs\nann@ee\n")],
)
def test_namesake_of_another_course_stays(forgotten, left, tmp_path) -> None:
    (tmp_path / "marks.csv").write_text("student\nann@cs\nann@ee\n")
    erase_from_exports([forgotten], [tmp_path])
    assert (tmp_path / "marks.csv").read_text() == left


@pytest.mark.parametrize("forgotten", ["ann", "ann@cs"])
def test_both_forms_of_an_id_are_erased(forgotten, tmp_path) -> None:
    (tmp_path / "marks.csv").write_text("student\nann\nbo\n")
    (tmp_path / "rubric_ratings.csv").write_text("Student,1\nann@cs,1\nbo@cs,0\n")
    erase_from_exports([forgotten], [tmp_path])
    assert (tmp_path / "marks.csv").read_text() == "student\nbo\n"
    assert (tmp_path / "rubric_ratings.csv").read_text() == "Student,1\nbo@cs,0\n"


@pytest.mark.parametrize(
    ("known", "forgotten", "count"),
    [
        (["ann@cs", "ann@ee"], "ann", 0),
        (["ann@cs", "ann@ee"], "ann@cs", 1),
        (["ann", "ann@cs"], "ann@cs", 2),
        (["ann@cs", "bo@cs"], "ann", 1),
        (["ann", "ann@ee"], "ann@cs", 0),
    ],
)
def test_store_forgets_one_student_and_never_a_namesake(known, forgotten, count, store) -> None:
    for student in known:
        store.pseudonym_for("cs101", student, actor="test")
    assert store.forget_student(forgotten, actor="test").students == count
