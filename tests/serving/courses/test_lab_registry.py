"""The lab registry: readable labs by name, without submissions, and the issues of the others."""

from collections.abc import Callable
from pathlib import Path

from labs_schema.models import Lab
from serving.courses.lab_registry import read_registry
from tests.harness.courses.lab_folders import write_lab


def test_labs_are_read_by_name_without_submissions_and_grades(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    for name in ("lab2", "lab1"):
        write_lab(make_lab(), tmp_path / name)
    labs, faults = read_registry(tmp_path)
    assert (list(labs), faults) == (["lab1", "lab2"], ())
    lab = labs["lab1"]
    assert (lab.criteria, lab.problem) == (make_lab().criteria, make_lab().problem)
    assert (lab.submissions, lab.human_grades) == ((), ())


def test_unreadable_lab_is_left_out_and_its_errors_are_reported(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    write_lab(make_lab(), tmp_path / "good")
    write_lab(make_lab(), tmp_path / "bad")
    (tmp_path / "bad" / "rubrics.json").write_text("{", encoding="utf-8")
    labs, faults = read_registry(tmp_path)
    assert list(labs) == ["good"]
    assert faults and all(fault.severity == "error" for fault in faults)
    assert any("rubrics.json" in fault.path for fault in faults)


def test_ratings_and_submissions_are_those_of_the_folder_now(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab = make_lab(students=2)
    folder = tmp_path / "lab1"
    write_lab(lab, folder)
    labs, _ = read_registry(tmp_path)
    loaded = labs.load("lab1")
    assert loaded is not None and len(loaded.submissions) == 2
    assert labs.ta_ratings("lab1") == loaded.ratings_by_student != {}
    (folder / "rubric_ratings.csv").unlink()
    assert labs.ta_ratings("lab1") == {}
    (folder / "rubrics.json").write_text("{", encoding="utf-8")
    assert labs.load("lab1") is None
    assert (labs.load("unknown"), labs.ta_ratings("unknown")) == (None, {})
