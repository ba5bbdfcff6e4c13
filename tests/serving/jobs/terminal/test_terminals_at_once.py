"""Several terminals at one lab in the same moment: one job, and one of them works on it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from labs_schema.errors import GraderError
from labs_schema.models import Lab
from serving.grading.retries import PROBE
from serving.jobs.cli_jobs import find_or_create
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.job import Job
from serving.jobs.job_lock import job_lock
from serving.jobs.repository import JobRepository
from serving.store.store import Store


def test_two_terminals_do_not_work_on_one_job_at_once(
    make_lab: Callable[..., Lab], store: Store, steady: Any, typed: Any
) -> None:
    lab = make_lab(students=2)
    with pytest.raises(steady.killed):
        typed(store, lab, None, steady(lives=0))
    [job] = JobRepository(store.database).cli_jobs("cs101", lab)
    with (
        job_lock(store.database, [job.id]),
        pytest.raises(GraderError, match="Another process is running this regrade"),
    ):
        typed(store, lab, None, steady())
    grader = steady()
    typed(store, lab, None, grader)
    assert len(grader.asked) == 2


@pytest.mark.parametrize("again", [False, True])
def test_two_terminals_that_begin_in_the_same_moment_begin_one_job(
    again: bool, make_lab: Callable[..., Lab], store: Store, steady: Any, typed: Any
) -> None:
    lab, book = make_lab(students=2), JobRepository(store.database)
    if again:
        book.finish(typed(store, lab, None, steady()))
    seen, asked = book.cli_jobs("cs101", lab), steady()
    mine = fingerprint_of(asked.provenance(lab, PROBE))
    other = fingerprint_of(steady(model="other").provenance(lab, PROBE))
    both = threading.Barrier(4)

    def begun(origin: str | None) -> Job:
        both.wait()
        return find_or_create(store, "cs101", lab, seen, origin, again=again, actor="ta")

    with ThreadPoolExecutor(4) as terminals:
        first, second, third, far = terminals.map(begun, [mine, mine, mine, other])
    assert first.id == second.id == third.id != far.id and (first.fingerprint, far.fingerprint) == (mine, other)
    assert begun_jobs(book, lab) - {each.id for each in seen} == {first.id, far.id}
    [cluster] = {find_or_create(store, "cs101", lab, seen, None, again=again, actor="ta").id}
    assert cluster in {first.id, far.id}


def begun_jobs(book: JobRepository, lab: Lab) -> set[str]:
    return {each.id for each in book.cli_jobs("cs101", lab)}
