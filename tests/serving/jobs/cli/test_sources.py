"""Grades of a remote source: it gets pseudonyms only, its model must not change, and each grade counts once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.jobs.errors import OtherModelError
from serving.jobs.in_process.cli_jobs import count_settled, find_or_create, grade_jobs
from serving.jobs.in_process.sources import grade_from
from serving.jobs.repository import JobRepository
from serving.jobs.results.export import export
from serving.store.store import Store
from tests.harness.errors import raises_code


@pytest.mark.parametrize("remote", [False, True])
def test_progress_starts_at_the_stored_grades_and_the_job_is_counted_once(
    remote: bool,
    make_lab: Callable[..., Lab],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    steady: Any,
    remote_source: Any,
) -> None:
    labs, tasks, reported, counted = [make_lab("lab1", students=7), make_lab("lab2", students=3)], {}, list[int](), []
    for lab in labs:
        tasks[lab.name] = find_or_create(store, "cs101", lab, [], None, again=False, actor="ta"), lab
    with pytest.raises(steady.killed):
        grade_jobs(steady(lives=2), store, tasks, lambda _: None)
    progress = JobRepository.progress
    monkeypatch.setattr(JobRepository, "progress", lambda *args: (counted.append(args), progress(*args))[1])
    if remote:
        grade_from(remote_source(steady()), store, tasks, reported.append)
    else:
        grade_jobs(steady(), store, tasks, reported.append)
    assert list(dict.fromkeys(reported)) == ([4, 5, 6, 7, 8, 9, 10] if remote else [4, 6, 7, 9, 10])
    assert len(counted) == 2


def test_grades_of_two_remote_models_are_not_mixed(
    make_lab: Callable[..., Lab], store: Store, steady: Any, remote_source: Any
) -> None:
    lab, grader = make_lab(students=5), steady()
    job = find_or_create(store, "cs101", lab, [], None, again=False, actor="ta")

    def upgraded(done: int) -> None:
        grader.model = "m" if done < 2 else "other"

    with pytest.raises(OtherModelError, match="base_model other, not m"):
        grade_from(remote_source(grader), store, {lab.name: (job, lab)}, upgraded)
    assert {stored.grade.provenance.base_model for stored in store.read_grades(job.id) if stored.grade} == {"m"}
    assert count_settled(JobRepository(store.database), job) == 2


def test_remote_source_gets_pseudonyms_and_no_ta_grades(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, steady: Any, remote_source: Any
) -> None:
    lab, source = make_lab(students=3), remote_source(steady())
    job = find_or_create(store, "cs101", lab, [], None, again=False, actor="ta")
    grade_from(source, store, {lab.name: (job, lab)}, lambda _: None)
    [sent] = source.requested
    assert not sent.human_grades and not sent.rater_grades
    assert not any(each.student in sent.model_dump_json() for each in lab.submissions)
    export(store, job, lab, tmp_path)
    assert all(each.student in (tmp_path / "grades.jsonl").read_text() for each in lab.submissions)


def test_job_does_not_finish_without_a_missing_remote_grade(
    make_lab: Callable[..., Lab], store: Store, steady: Any, remote_source: Any
) -> None:
    lab, source = make_lab(students=3), remote_source(steady())
    job = find_or_create(store, "cs101", lab, [], None, again=False, actor="ta")
    grades = source.grades
    source.grades = lambda labs: (each for each in grades(labs) if each[0].student != labs[0].submissions[1].student)
    with raises_code("grades-missing", "1 submissions"):
        grade_from(source, store, {lab.name: (job, lab)}, lambda _: None)
    source.grades = grades
    grade_from(source, store, {lab.name: (job, lab)}, lambda _: None)
    assert count_settled(JobRepository(store.database), job) == 3
