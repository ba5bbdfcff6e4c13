"""Grades that come from afar as they are done: pseudonyms go there, one model comes back, and each is counted once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import GraderError
from labs_schema.models import Lab
from serving.jobs.cli_jobs import count_settled, find_or_create, grade_jobs
from serving.jobs.errors import OtherModelError
from serving.jobs.export import export
from serving.jobs.repository import JobRepository
from serving.jobs.sources import grade_from
from serving.store.store import Store


@pytest.mark.parametrize("afar", [False, True])
def test_progress_begins_with_what_was_done_and_the_whole_job_is_counted_once(
    afar: bool, make_lab: Callable[..., Lab], store: Store, monkeypatch: pytest.MonkeyPatch, steady: Any, far: Any
) -> None:
    labs, tasks, told, counted = [make_lab("lab1", students=7), make_lab("lab2", students=3)], {}, list[int](), []
    for lab in labs:
        tasks[lab.name] = find_or_create(store, "cs101", lab, [], None, again=False, actor="ta"), lab
    with pytest.raises(steady.killed):
        grade_jobs(steady(lives=2), store, tasks, lambda _: None)
    progress = JobRepository.progress
    monkeypatch.setattr(JobRepository, "progress", lambda *given: (counted.append(given), progress(*given))[1])
    if afar:
        grade_from(far(steady()), store, tasks, told.append)
    else:
        grade_jobs(steady(), store, tasks, told.append)
    assert list(dict.fromkeys(told)) == ([4, 5, 6, 7, 8, 9, 10] if afar else [4, 6, 7, 9, 10])
    assert len(counted) == 2


def test_grades_from_afar_of_two_models_are_not_mixed(
    make_lab: Callable[..., Lab], store: Store, steady: Any, far: Any
) -> None:
    lab, grader = make_lab(students=5), steady()
    job = find_or_create(store, "cs101", lab, [], None, again=False, actor="ta")

    def upgraded(done: int) -> None:
        grader.model = "m" if done < 2 else "other"

    with pytest.raises(OtherModelError, match="base_model other, not m"):
        grade_from(far(grader), store, {lab.name: (job, lab)}, upgraded)
    assert {stored.grade.provenance.base_model for stored in store.read_grades(job.id) if stored.grade} == {"m"}
    assert count_settled(JobRepository(store.database), job) == 2


def test_a_cluster_is_sent_pseudonyms_and_nothing_that_the_tas_gave(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, steady: Any, far: Any
) -> None:
    lab, source = make_lab(students=3), far(steady())
    job = find_or_create(store, "cs101", lab, [], None, again=False, actor="ta")
    grade_from(source, store, {lab.name: (job, lab)}, lambda _: None)
    [asked] = source.asked
    assert not asked.human_grades and not asked.rater_grades
    assert not any(each.student in asked.model_dump_json() for each in lab.submissions)
    export(store, job, lab, tmp_path)
    assert all(each.student in (tmp_path / "grades.jsonl").read_text() for each in lab.submissions)


def test_a_grade_that_never_comes_from_afar_does_not_let_the_job_end_without_it(
    make_lab: Callable[..., Lab], store: Store, steady: Any, far: Any
) -> None:
    lab, source = make_lab(students=3), far(steady())
    job = find_or_create(store, "cs101", lab, [], None, again=False, actor="ta")
    grades = source.grades
    source.grades = lambda labs: (each for each in grades(labs) if each[0].student != labs[0].submissions[1].student)
    with pytest.raises(GraderError, match="1 submissions came back without a grade"):
        grade_from(source, store, {lab.name: (job, lab)}, lambda _: None)
    source.grades = grades
    grade_from(source, store, {lab.name: (job, lab)}, lambda _: None)
    assert count_settled(JobRepository(store.database), job) == 3
