"""Exported results: complete files that a lab reads back, without forgotten students."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.jobs.in_process.cli_jobs import grade_jobs
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.jobs.results import export as exporting
from serving.jobs.results.export import check_output_folder, export
from serving.jobs.results.results import Result
from serving.store.store import Store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code

COMPILES, READABLE = "Does it compile?", "Is it readable?"


def graded(store: Store, lab: Lab, grader: Any) -> Job:
    job = JobRepository(store.database).add("cs101", lab, actor="ta", cli=True)
    grade_jobs(grader, store, {lab.name: (job, lab)}, lambda _: None)
    return JobRepository(store.database).job(job.id)


def test_exported_ratings_and_reasons_read_back_as_ratings_and_comments(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab = make_lab(students=4)
    empty = lab.submissions[2].model_copy(update={"files": ()})
    lab = lab.model_copy(update={"submissions": (*lab.submissions[:2], empty, lab.submissions[3])})
    export(store, graded(store, lab, fake_grader), lab, tmp_path / "out")
    write_lab(make_lab(students=4), tmp_path / "lab1")
    for name in ("rubric_ratings.csv", "rubric_comments.csv"):
        (tmp_path / "lab1" / name).write_bytes((tmp_path / "out" / name).read_bytes())
    again = load_lab(tmp_path / "lab1")
    assert again.criteria == lab.criteria
    assert again.ratings_by_student == {s: {COMPILES: "A", READABLE: "A"} for s in ("s000", "s001", "s003")}
    comments = {grade.student: grade.comment for grade in again.human_grades if grade.criterion == COMPILES}
    assert comments == {"s000": None, "s001": None, "s002": "ungraded: empty submission", "s003": None}


def test_export_folder_is_recorded_once_and_before_writing(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab(students=1)
    job = graded(store, lab, fake_grader)
    monkeypatch.chdir(tmp_path)
    for folder in ("b", "a", "b"):
        export(store, job, lab, Path(folder))
    assert [(each.path, each.here) for each in store.list_exports()] == [(tmp_path / "a", True), (tmp_path / "b", True)]
    (tmp_path / "c").write_text("no folder")
    with pytest.raises(OSError, match="c"):
        export(store, job, lab, Path("c"))
    assert store.list_exports()[-1].path == tmp_path / "c"


def test_summary_counts_agreement_with_the_tas(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab = make_lab(students=6)  # the TAs gave A to 2 of 6, and to 3 of 6
    found = export(store, graded(store, lab, fake_grader), lab, tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary == found.model_dump(mode="json")
    assert (summary["rated_by_both"], summary["agreed"], len(summary["differences"])) == (12, 5, 7)


def test_table_has_the_overridden_rating_and_grades_have_the_machine_s(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab = make_lab(students=2)
    job = graded(store, lab, fake_grader)
    [one] = [g.id for g in store.read_grades(job.id) if store.read_student(g.student).student == "s001"]
    store.record_override(one, COMPILES, "C", "It does not.", request="r", actor="ta")
    export(store, job, lab, tmp_path)
    write_lab(lab, tmp_path / "lab1")
    (tmp_path / "lab1" / "rubric_ratings.csv").write_bytes((tmp_path / "rubric_ratings.csv").read_bytes())
    assert load_lab(tmp_path / "lab1").ratings_by_student["s001"] == {COMPILES: "C", READABLE: "A"}
    last = Result.model_validate_json((tmp_path / "grades.jsonl").read_text().splitlines()[1])
    assert [answer.rating for answer in last.grade.criteria] == ["A", "A"]
    assert (last.grade_id, last.ratings) == (one, {COMPILES: "C", READABLE: "A"})


def test_student_forgotten_during_the_export_is_in_no_file(
    make_lab: Callable[..., Lab],
    store: Store,
    fake_grader: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab, compare, calls = make_lab(students=4), exporting.compare, list[int]()

    def forgetting(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            store.forget_student("s002", actor="admin")
        return compare(*given)

    job = graded(store, lab, fake_grader)
    monkeypatch.setattr(exporting, "compare", forgetting)
    export(store, job, lab, tmp_path / "out")
    texts = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert len(calls) == 2 and not any("s002" in text for text in texts.values())
    assert "s003" in texts["grades.jsonl"]


def test_failed_export_leaves_existing_files_unchanged(
    make_lab: Callable[..., Lab],
    store: Store,
    fake_grader: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    lab, out = make_lab(students=3), tmp_path / "out"
    job = graded(store, lab, fake_grader)
    export(store, job, lab, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    monkeypatch.setattr(exporting, "write_ratings", full)
    with pytest.raises(OSError, match="No space left"):
        export(store, job, lab, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_lab_without_submissions_has_empty_results(
    make_lab: Callable[..., Lab], store: Store, fake_grader: Any, tmp_path: Path
) -> None:
    lab = make_lab(students=0)
    assert export(store, graded(store, lab, fake_grader), lab, tmp_path / "out").agreement is None
    assert (tmp_path / "out" / "grades.jsonl").read_bytes() == b""


def test_lab_folder_is_refused_as_output(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    check_output_folder(tmp_path / "new")
    write_lab(make_lab(students=1), tmp_path / "lab1")
    with raises_code("output-is-a-lab"):
        check_output_folder(tmp_path / "lab1")
