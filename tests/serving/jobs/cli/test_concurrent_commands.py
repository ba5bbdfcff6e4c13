"""Concurrent CLI regrades of one lab share one job, and only one of them grades it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.grading.retries import PROBE
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.in_process.cli_jobs import find_or_create
from serving.jobs.job import Job
from serving.jobs.job_lock import job_lock
from serving.jobs.repository import JobRepository
from serving.store.store import Store
from tests.harness.errors import raises_code


def test_one_command_at_a_time_grades_a_job(
    make_lab: Callable[..., Lab], store: Store, steady: Any, regrade: Any
) -> None:
    lab = make_lab(students=2)
    with pytest.raises(steady.killed):
        regrade(store, lab, None, steady(lives=0))
    [job] = JobRepository(store.database).cli_jobs("cs101", lab)
    with (
        job_lock(store.database, [job.id]),
        raises_code("job-locked"),
    ):
        regrade(store, lab, None, steady())
    grader = steady()
    regrade(store, lab, None, grader)
    assert len(grader.graded) == 2


@pytest.mark.parametrize("again", [False, True])
def test_concurrent_commands_create_one_job_per_model(
    again: bool, make_lab: Callable[..., Lab], store: Store, steady: Any, regrade: Any
) -> None:
    lab, jobs = make_lab(students=2), JobRepository(store.database)
    if again:
        jobs.finish(regrade(store, lab, None, steady()))
    known, grader = jobs.cli_jobs("cs101", lab), steady()
    mine = fingerprint_of(grader.provenance(lab, PROBE))
    other = fingerprint_of(steady(model="other").provenance(lab, PROBE))
    barrier = threading.Barrier(4)

    def created(fingerprint: str | None) -> Job:
        barrier.wait()
        return find_or_create(store, "cs101", lab, known, fingerprint, again=again, actor="ta")

    with ThreadPoolExecutor(4) as commands:
        first, second, third, fourth = commands.map(created, [mine, mine, mine, other])
    assert first.id == second.id == third.id != fourth.id and (first.fingerprint, fourth.fingerprint) == (mine, other)
    new = {each.id for each in jobs.cli_jobs("cs101", lab)} - {each.id for each in known}
    assert new == {first.id, fourth.id}
    [cluster] = {find_or_create(store, "cs101", lab, known, None, again=again, actor="ta").id}
    assert cluster in {first.id, fourth.id}
