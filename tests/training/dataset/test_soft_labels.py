"""Soft labels in a dataset: which are used, what is written, and which results are refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from labs_schema.hashes import rubric_hash, submission_hash, submission_key
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from tests.harness.courses.lab_folders import write_lab
from training.dataset.manifest import verify_dataset
from training.dataset.soft_labels import read_soft
from training.forgetting import forget_in_data

Change = Callable[[dict[str, Any]], Any]


def unrated(lab: Lab, *students: str) -> Lab:
    return lab.model_copy(update={"human_grades": tuple(g for g in lab.human_grades if g.student not in students)})


def result(lab: Lab, student: str) -> dict[str, Any]:
    """A row of `grades.jsonl`: .7 on the first rating, the rest on the last."""
    [submission] = [s for s in lab.submissions if s.student == student]
    provenance = dict.fromkeys(
        ("grader_version", "engine", "engine_version", "base_model", "tokenizer_hash", "prompt_hash", "settings_hash"),
        "x",
    )
    hashes = {"model_hash": "m", "rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    criteria = []
    for criterion in lab.criteria:
        first, *_, last = titles = [rating.title for rating in criterion.ratings]
        probabilities = dict.fromkeys(titles, 0.0) | {first: 0.7, last: 0.3}
        criteria.append({"criterion": criterion.title, "rating": first, "probabilities": probabilities})
    grade = {"lab": lab.name, "student": student, "criteria": criteria, "provenance": provenance | hashes}
    return {"grade_id": "g", "grade": grade, "ratings": {}}


def write_results(folder: Path, lab: Path, change: Change = lambda row: row) -> Path:
    read = load_lab(lab)
    rows = [result(read, submission.student) for submission in read.submissions]
    for row in rows:
        change(row)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "grades.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def sides_without_soft(build: Any, labs: Path, out: Path) -> tuple[str, str]:
    """A student for training and one for testing."""
    split = build(labs, out).labs["lab1"]
    owner = {submission_key("lab1", f"s{i:03d}"): f"s{i:03d}" for i in range(10)}
    return owner[split.train[0]], owner[split.test[0]]


@pytest.fixture
def course(build: Any, labs: Path, tmp_path: Path, make_lab: Any, varied: Any) -> tuple[Path, str, str]:
    """The labs, a training and a test student. Both have no rating in lab2."""
    trained, tested = sides_without_soft(build, labs, tmp_path / "first")
    write_lab(unrated(varied(make_lab("lab2", students=10)), trained, tested), tmp_path / "labs2" / "lab2")
    write_lab(varied(make_lab("lab1", students=10)), tmp_path / "labs2" / "lab1")
    return tmp_path / "labs2", trained, tested


def test_only_unrated_work_of_training_students_gets_the_teachers_probabilities(build, course, tmp_path) -> None:
    labs, trained, tested = course
    results = write_results(tmp_path / "out", labs / "lab2")
    before = build(labs, tmp_path / "hard")
    manifest = build(labs, tmp_path / "soft", soft_labels=(results,))
    key = submission_key("lab2", trained)
    assert manifest.labs["lab2"].soft == (key,)
    assert manifest.teachers["lab2"].model_hash == "m"
    # Soft labels change no side of a rated submission, and no byte of the other files.
    assert {name: split.model_copy(update={"soft": ()}) for name, split in manifest.labs.items()} == before.labs
    for name in ("train.jsonl", "test.jsonl"):
        assert (tmp_path / "soft" / name).read_bytes() == (tmp_path / "hard" / name).read_bytes()
    assert submission_key("lab2", tested) not in (tmp_path / "soft" / "manifest.json").read_text()
    rows = list(read_soft(tmp_path / "soft" / "soft.jsonl"))
    assert [row.submission for row in rows] == [key, key]
    assert rows[0].by_rating == pytest.approx({"A": 0.7, "B": 0.0, "C": 0.3})
    assert rows[1].by_rating == pytest.approx({"A": 0.7, "B": 0.3})
    assert trained not in (tmp_path / "soft" / "soft.jsonl").read_text()
    verify_dataset(tmp_path / "soft", labs)


def test_held_out_labs_have_no_soft_labels(build, course, tmp_path) -> None:
    labs, *_ = course
    results = write_results(tmp_path / "out", labs / "lab2")
    manifest = build(labs, tmp_path / "soft", soft_labels=(results,), eval_labs=("lab2",))
    assert manifest.labs["lab2"].soft == ()
    assert (tmp_path / "soft" / "soft.jsonl").read_bytes() == b""


def test_a_near_copy_of_a_test_program_gets_no_soft_label(build, course, tmp_path) -> None:
    labs, trained, tested = course
    [source] = [s for s in load_lab(labs / "lab1").submissions if s.student == tested]
    copy = source.files[0].text.replace("x", "renamed")
    [folder] = [s.folder for s in load_lab(labs / "lab2").submissions if s.student == trained]
    [program] = (labs / "lab2").rglob(f"{folder}/main.c")
    program.write_text(copy)
    results = write_results(tmp_path / "out", labs / "lab2")
    assert build(labs, tmp_path / "soft", soft_labels=(results,)).labs["lab2"].soft == ()


@pytest.mark.parametrize("code", ["suspicious-text", "verification-differs", "verification-failed"])
def test_answers_that_an_injected_prompt_may_have_changed_are_left_out(build, course, tmp_path, code: str) -> None:
    def flag(row: dict[str, Any]) -> None:
        row["grade"]["criteria"][0]["review_reasons"] = [f"{code}: line 1"]
        row["grade"]["criteria"][1] |= {"rating": None, "ungraded": "no letter", "probabilities": {}}

    labs, *_ = course
    results = write_results(tmp_path / "out", labs / "lab2", flag)
    assert build(labs, tmp_path / "soft", soft_labels=(results,)).labs["lab2"].soft == ()


def test_forgetting_removes_soft_labels_and_reports_models_that_learned_them(build, course, tmp_path) -> None:
    labs, trained, _ = course
    data = tmp_path / "soft"
    build(labs, data, soft_labels=(write_results(tmp_path / "out", labs / "lab2"),))
    key = submission_key("lab2", trained)
    assert key in verify_dataset(data).labs["lab2"].learned
    assert forget_in_data({trained}, data).rows > 0
    verify_dataset(data)
    assert not any(key in path.read_text() for path in data.iterdir())


def _in_first(row: dict[str, Any], **values: Any) -> None:
    row["grade"]["criteria"][0] |= values


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda row: row["grade"].update(student=3), "bad-soft-labels"),
        (lambda row: row["grade"].update(student="s000"), "bad-soft-labels"),
        (lambda row: row["grade"].update(lab="lab1"), "stale-soft-labels"),
        (lambda row: row["grade"].update(lab="lab9"), "bad-soft-labels"),
        (lambda row: row["grade"].update(provenance=None), "bad-soft-labels"),
        (lambda row: row["grade"]["provenance"].update(model_hash=row["grade"]["student"]), "bad-soft-labels"),
        (lambda row: _in_first(row, criterion="Is it fast?"), "bad-soft-labels"),
        (lambda row: _in_first(row, probabilities={"A": 0.5, "B": 0.5}), "bad-soft-labels"),
        (lambda row: _in_first(row, probabilities={"A": 0.9, "B": 0.9, "C": 0.9}), "bad-soft-labels"),
        (lambda row: _in_first(row, probabilities={"A": 2, "B": -1, "C": 0}), "bad-soft-labels"),
        (lambda row: row["grade"]["provenance"].update(submission_hash="old"), "stale-soft-labels"),
        (lambda row: row["grade"]["provenance"].update(rubric_hash="old"), "stale-soft-labels"),
    ],
)
def test_unusable_results_are_refused_before_anything_is_written(build, course, tmp_path, change, code: str) -> None:
    labs, *_ = course
    results = write_results(tmp_path / "out", labs / "lab2", change)
    with pytest.raises(InputError) as caught:
        build(labs, tmp_path / "soft", soft_labels=(results,))
    assert code in {issue.code for issue in caught.value.issues}
    assert not (tmp_path / "soft" / "manifest.json").exists()


def test_a_folder_without_results_and_another_format_are_errors(build, course, tmp_path) -> None:
    labs, *_ = course
    for options, code in (({}, "missing-soft-labels"), ({"row_format": "sft"}, "soft-labels-format")):
        with pytest.raises(InputError) as caught:
            build(labs, tmp_path / "soft", soft_labels=(tmp_path,), **options)
        assert [issue.code for issue in caught.value.issues] == [code]


def test_results_of_several_labs_are_found_in_one_folder(build, course, tmp_path) -> None:
    labs, *_ = course
    for lab in ("lab1", "lab2"):
        write_results(tmp_path / "out" / lab, labs / lab)
    manifest = build(labs, tmp_path / "soft", soft_labels=(tmp_path / "out",))
    assert set(manifest.teachers) == {"lab1", "lab2"}


def test_every_invalid_row_of_soft_labels_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "soft.jsonl"
    path.write_text('{"lab": "lab1"}\n\nno JSON\n')
    with pytest.raises(InputError) as failed:
        list(read_soft(path))
    assert [(issue.code, issue.line) for issue in failed.value.issues] == [("bad-row", 1), ("bad-row", 3)]
