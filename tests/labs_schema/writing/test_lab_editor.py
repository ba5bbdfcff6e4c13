"""Edits of a lab take effect completely or not at all, also if the process is killed at any step."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from labs_schema.files.edits import edit_lock, finish_edit
from labs_schema.imports.filling import fill_lab, has_submissions
from labs_schema.imports.importer import ImportSource
from labs_schema.imports.rubric_files import read_rubric_file
from labs_schema.models import Lab
from labs_schema.reading.lab_folders import stray_entries
from labs_schema.reading.validate import load_lab, load_rubric
from labs_schema.writing.lab_editor import LabTexts, create_lab, read_texts, save_texts
from tests.harness.courses.lab_folders import write_lab

CHECKS = 'tests:\n  - {name: one, stdin: "3\\n", stdout: "9\\n"}\n'


@pytest.fixture
def lab(tmp_path: Path, make_lab: Callable[..., Lab]) -> Path:
    write_lab(make_lab(students=2), tmp_path / "labs" / "lab1")
    return tmp_path / "labs" / "lab1"


def killed(act: Callable[[], object], step: int) -> bool:
    """Runs `act` in a child that is killed at its `step`th change of the file system; whether it was."""
    child = os.fork()
    if child == 0:
        calls = 0
        real = {name: getattr(Path, name) for name in ("rename", "replace", "rmdir")}

        def counted(name: str) -> Any:
            def call(self: Path, *args: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real[name](self, *args)

            return call

        for name in real:
            setattr(Path, name, counted(name))
        try:
            act()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_killed_save_leaves_all_old_texts_or_all_new_ones(lab: Path) -> None:
    old = read_texts(lab)
    step, seen = 1, set()
    while True:
        new = old.model_copy(
            update={"statement": f"Version {step}.", "rubric": old.rubric + " " * step, "checks": CHECKS + "#" * step}
        )
        ended = not killed(lambda new=new: save_texts(lab, new), step)  # type: ignore[misc]
        load_rubric(lab)  # any reader finishes a committed edit
        found = LabTexts(
            statement=(lab / "ps.txt").read_text(),
            rubric=(lab / "rubrics.json").read_text(),
            checks=(lab / "checks.yaml").read_text() if (lab / "checks.yaml").exists() else "",
        )
        assert found in (old, new), step
        seen.add(found == new)
        if ended:
            break
        old, step = found, step + 1
    assert seen == {True, False} and step > 3 and len(load_lab(lab).submissions) == 2
    assert stray_entries(lab.parent) == ()


def test_a_killed_upload_leaves_the_lab_empty_or_complete(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    for student in ("s1", "s2"):
        (tmp_path / "handin" / student).mkdir(parents=True)
        (tmp_path / "handin" / student / "a.c").write_text("int a;\n")
    (tmp_path / "roster.csv").write_text("student,email\ns1,a@x\ns2,b@x\n")
    source = ImportSource("folder", tmp_path / "handin", roster=tmp_path / "roster.csv")
    step, seen, ended = 1, set(), False
    while not ended:
        folder = tmp_path / "labs" / f"lab{step}"
        write_lab(make_lab(students=0), folder)
        ended = not killed(lambda folder=folder: fill_lab(source, folder, dry_run=False), step)  # type: ignore[misc]
        finish_edit(folder)
        complete = has_submissions(folder)
        assert complete == (folder / "roster.csv").exists(), step
        assert not complete or len(load_lab(folder).submissions) == 2
        seen.add(complete)
        step += 1
    assert seen == {True, False}


def test_two_processes_edit_one_after_the_other(lab: Path) -> None:
    with edit_lock(lab):
        child = os.fork()
        if child == 0:
            with edit_lock(lab):
                (lab / "ps.txt").write_text("second")
            os._exit(0)
        (lab / "ps.txt").write_text("first")
    os.waitpid(child, 0)
    assert (lab / "ps.txt").read_text() == "second"


def test_a_lab_is_created_complete_and_only_without_faults(lab: Path) -> None:
    texts, new = read_texts(lab), lab.parent / "lab2"
    codes = {each.code for each in create_lab(new, LabTexts(checks="tests: [{}]"))}
    assert {"no-statement", "check-field"} <= codes and len(codes) >= 3 and not new.exists()
    assert create_lab(new, texts) == () and load_rubric(new).criteria == load_rubric(lab).criteria
    with pytest.raises(FileExistsError):
        create_lab(new, texts)


def test_checks_that_need_files_are_checked_with_them(lab: Path) -> None:
    (lab / "checks").mkdir()
    (lab / "checks" / "helper.c").write_text("int helper;\n")
    texts = read_texts(lab)
    good = texts.model_copy(update={"checks": "build:\n  files: [helper.c]\n" + CHECKS})
    assert save_texts(lab, good) == ()
    bad = texts.model_copy(update={"checks": "build:\n  files: [other.c]\n"})
    assert [each.code for each in save_texts(lab, bad)] == ["missing-check-file"]
    assert read_texts(lab).checks == good.checks and (lab / "checks" / "helper.c").exists()


MOODLE = (
    '{"areas": [{"definitions": [{"rubric": {"rubric_criteria": ['
    '{"sortorder": 2, "description": "<p>Style</p>", "levels": [{"definition": "bad", "score": 0}]}, '
    '{"sortorder": 1, "description": "Output &amp; format", '
    '"levels": [{"definition": "<b>ok</b>", "score": 1.5}]}]}}]}]}'
)
GRADESCOPE = (
    "Assignment Submission ID,Question Submission ID,First Name,Last Name,SID,Email,Sections,Score,Submission Time,"
    "Right,Wrong,Adjustment,Comments,Grader,Tags\n"
    "1,2,A,B,s1,a@x,,2,2026-01-01,true,false,,,Ann,\n3,4,C,D,s2,c@x,,0,2026-01-01,false,true,,,Ann,\n"
)


OWN = "Criterion,Output,Output\nDescription,,\nRating,A,B\nRating description,good,bad\nMarks,1,0\nStudent,,\ns1,1,0\n"
CANVAS = (
    "Rubric Name,Criteria Name,Criteria Description,Criteria Enable Range,"
    "Rating Name,Rating Description,Rating Points,Rating Name,Rating Description,Rating Points\n"
    "R,Output,,false,ok,,2,bad,,0\n"
)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("moodle.json", MOODLE, {"Output & format": {"ok": 1.5}, "Style": {"bad": 0.0}}),
        (
            "canvas.json",
            '{"data": [{"id": "_1", "description": "Output", "ratings": [{"description": "ok", "points": 2}]}]}',
            {"Output": {"ok": 2.0}},
        ),
        ("1_Output.csv", GRADESCOPE, {"Output": {"Right": None, "Wrong": None}}),
        ("rubric_ratings.csv", OWN, {"Output": {"A": 1.0, "B": 0.0}}),
        ("canvas.csv", CANVAS, {"Output": {"ok": 2.0, "bad": 0.0}}),
    ],
)
def test_rubrics_of_platforms_are_read(tmp_path: Path, name: str, text: str, expected: object) -> None:
    (tmp_path / "uploaded").write_text(text)
    found = read_rubric_file(tmp_path / "uploaded", name)
    assert {each.title: {r.title: r.marks for r in each.ratings} for each in found} == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("moodle.json", MOODLE.replace("Output", "Bonus: output")),
        ("1_Bonus_output.csv", GRADESCOPE),
        ("rubric_ratings.csv", OWN.replace("Output", "Bonus: output")),
        ("canvas.csv", CANVAS.replace("Output", "Bonus: output")),
    ],
)
def test_bonus_criteria_of_platforms_are_known_by_their_titles(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "uploaded").write_text(text)
    assert read_rubric_file(tmp_path / "uploaded", name)[0].bonus


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"[]", b"{" * 5000, b"PK\x03\x04broken", b"\x00\xff" * 50])
def test_other_files_are_refused_with_an_issue(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "uploaded").write_bytes(data)
    with pytest.raises(InputError) as error:
        read_rubric_file(tmp_path / "uploaded", "rubric.csv")
    assert error.value.issues
