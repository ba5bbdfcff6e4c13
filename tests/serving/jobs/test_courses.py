"""A job waits for a worker of its course, and for no other course's job."""

import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.limits import JobLimits
from labs_schema.models import Lab
from serving.jobs.job import Job, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker.worker import Worker
from serving.store.store import open_store
from tests.harness.courses.synthetic_lab import synthetic_lab
from tests.harness.processes.forking import ForkedProcess, start, wait_until
from tests.harness.stores.exactly_once import assert_exactly_once


@pytest.fixture
def backend(new_backend: Callable[..., Any], make_lab: Callable[..., Lab]) -> Any:
    return new_backend(make_lab(students=4), {"cs101"})


def is_done(backend: Any, job: Job) -> bool:
    return backend.jobs.progress(job.id).state is State.DONE


def test_a_job_waits_until_the_worker_has_its_course(backend: Any, worker: Worker) -> None:
    theirs, mine = backend.add("cs102", chunk=1), backend.add("cs101", chunk=1)
    worker.notify(mine)
    wait_until(lambda: is_done(backend, mine))
    time.sleep(0.3)  # the worker looks again
    assert backend.jobs.progress(theirs.id).state is State.QUEUED and set(backend.requested) == {"cs101"}
    backend.courses.add("cs102")
    wait_until(lambda: is_done(backend, theirs))


def test_job_of_a_removed_course_resumes_when_the_course_returns(backend: Any, worker: Worker) -> None:
    backend.pace = 0.1
    worker.notify(job := backend.add("cs101", chunk=1))
    wait_until(lambda: backend.jobs.progress(job.id).graded > 0)
    backend.courses.discard("cs101")
    time.sleep(0.5)
    found = backend.jobs.progress(job.id)
    assert (found.state, found.parked) == (State.RUNNING, ()) and found.graded < 4
    backend.courses.add("cs101")
    wait_until(lambda: is_done(backend, job))
    assert backend.jobs.progress(job.id).graded == 4


def test_a_chunk_claimed_by_a_worker_that_lost_its_course_does_not_fail_the_job(backend: Any, quick: JobLimits) -> None:
    served = {"cs101"}
    worker = Worker(backend, courses=lambda: served, limits=quick)
    worker.start()
    try:
        backend.courses = set()  # removed, and the worker does not know it yet
        worker.notify(job := backend.add("cs101", chunk=1))
        wait_until(lambda: len(backend.requested) > 3)
        assert backend.jobs.progress(job.id).state is State.QUEUED
        assert backend.jobs.attempts.of(job.id, backend.jobs.members(job, 0)) == {}
        backend.courses = served
        wait_until(lambda: is_done(backend, job))
    finally:
        worker.stop()


def test_small_job_does_not_wait_for_a_big_job_of_another_course(backend: Any, worker: Worker) -> None:
    backend.courses.add("cs102")
    big = [backend.add("cs101", chunk=1) for _ in range(16)]
    backend.pace = 0.1
    worker.notify(big[0])
    wait_until(lambda: backend.jobs.progress(big[0].id).graded > 0)
    worker.notify(small := backend.add("cs102", chunk=1))
    wait_until(lambda: is_done(backend, small))
    assert backend.jobs.progress(big[-1].id).state is State.QUEUED


@pytest.mark.slow
def test_each_worker_grades_its_own_course_only(new_url: Callable[[], str]) -> None:
    url = new_url()
    store, lab, running = open_store(url), synthetic_lab(64), list[ForkedProcess]()
    jobs = JobRepository(store.database)
    one, two = (jobs.add(course, lab, actor="test") for course in ("cs101", "cs102"))

    def run(name: str, course: str) -> ForkedProcess:
        options = ["--submissions", 64, "--pace", 0.1, "--dead-seconds", 1.5, "--course", course]
        running.append(start("tests.harness.processes.worker_process", url, name, *options, stdout=subprocess.PIPE))
        assert running[-1].stdout is not None and running[-1].stdout.readline() == b"ready\n"
        return running[-1]

    try:
        second, first = run("second", "cs102"), run("first", "cs101")
        wait_until(lambda: jobs.progress(one.id).graded > 0)
        first.kill()
        left = jobs.progress(one.id).graded
        wait_until(lambda: jobs.progress(two.id).state is State.DONE)
        time.sleep(2.5)  # the second has removed the first by now
        assert jobs.progress(one.id).state is State.RUNNING and jobs.progress(one.id).graded <= left + 16 < 64
        assert second.poll() is None
        run("third", "cs101")
        wait_until(lambda: jobs.progress(one.id).state is State.DONE)
        for job in (one, two):
            assert_exactly_once(store, job, lab)
    finally:
        for process in running:
            process.kill()
            process.communicate()
        store.close()
