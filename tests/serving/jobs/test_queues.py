"""A job waits for a worker of its course, and for no other course's job."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.jobs import workflows
from serving.jobs.job import Job, Progress, RequestedState, State
from serving.jobs.queues import queue_of
from serving.jobs.repository import JobRepository
from serving.jobs.worker import Worker
from serving.store.store import open_store

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def desk(new_desk: Callable[..., Any], make_lab: Callable[..., Lab]) -> Any:
    return new_desk(make_lab(students=4), {"cs101"})


def within(seconds: float, met: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not (now := met()) and time.monotonic() < end:
        time.sleep(0.05)
    return now


def done(desk: Any, job: Job) -> bool:
    return within(20, lambda: desk.book.progress(job.id).state is State.DONE)


def heard(course: str) -> bool:
    return any(thread.name == queue_of(course) for thread in threading.enumerate())


def test_a_queue_s_name_is_short_and_does_not_tell_the_course() -> None:
    assert queue_of("cs101") != queue_of("cs102") and "cs101" not in queue_of("cs101")
    assert len(queue_of("ä" * 300)) == len("grading-") + 16


def test_a_job_waits_until_the_worker_has_its_course(desk: Any, worker: Worker) -> None:
    theirs, mine = desk.add("cs102", chunk=1), desk.add("cs101", chunk=1)
    for job in (theirs, mine):
        worker.begin(job)
    assert done(desk, mine)
    time.sleep(0.5)  # another look or two
    assert desk.book.progress(theirs.id).state is State.QUEUED and set(desk.asked) == {"cs101"}
    desk.courses.add("cs102")
    assert done(desk, theirs)


@pytest.mark.slow
def test_a_course_that_is_taken_away_in_the_middle_of_a_job_goes_on_when_it_is_back(desk: Any, worker: Worker) -> None:
    desk.pace = 0.1
    worker.begin(job := desk.add("cs101", chunk=1))
    assert within(10, lambda: desk.book.progress(job.id).graded > 0)
    desk.courses.discard("cs101")
    assert within(5, lambda: not heard("cs101"))
    found = desk.book.progress(job.id)
    assert (found.state, found.parked) == (State.RUNNING, ()) and found.graded < 4
    desk.courses.add("cs101")
    assert done(desk, job) and desk.book.progress(job.id).graded == 4


@pytest.mark.slow
def test_a_chunk_that_came_to_the_wrong_worker_fails_no_job_and_is_held_against_nobody(desk: Any, url: str) -> None:
    served = {"cs101"}
    worker = Worker(desk, url, courses=lambda: served, dead_seconds=1)
    worker.start()
    try:
        desk.courses = set()  # removed, and the worker has not heard of it yet
        worker.begin(job := desk.add("cs101", chunk=1))
        assert within(10, lambda: desk.book.job(job.id).round > 1)
        assert desk.book.progress(job.id).state is State.QUEUED
        assert desk.book.tries.of(job.id, desk.book.members(job, 0)) == {}
        desk.courses = served
        assert done(desk, job)
    finally:
        worker.stop()


def test_a_small_job_does_not_wait_for_another_course_s_big_one(desk: Any, worker: Worker) -> None:
    desk.courses.add("cs102")
    big = desk.add("cs101", chunk=1)
    rest = [desk.add("cs101", chunk=1) for _ in range(15)]
    desk.pace = 0.1
    for job in (big, *rest):
        worker.begin(job)
    assert within(10, lambda: desk.book.progress(big.id).graded > 0)
    worker.begin(small := desk.add("cs102", chunk=1))
    assert done(desk, small)
    assert desk.book.progress(rest[-1].id).state is State.QUEUED


def test_a_queue_that_has_nothing_left_is_asked_no_more(desk: Any, worker: Worker) -> None:
    worker.begin(job := desk.add("cs101", chunk=1))
    assert heard("cs101") and done(desk, job)
    assert within(5, lambda: not heard("cs101"))
    worker.begin(again := desk.add("cs101", chunk=1))
    assert done(desk, again)


@pytest.mark.slow
def test_what_a_cancelled_job_left_in_the_queue_is_cleared_away_after_a_restart(desk: Any, url: str) -> None:
    first = Worker(desk, url, courses=lambda: desk.courses, dead_seconds=1)
    first.start()
    desk.pace = 0.2
    first.begin(job := desk.add("cs101", chunk=1))
    within(10, lambda: desk.book.progress(job.id).graded > 0)
    first.stop()
    desk.book.wish(job.id, RequestedState.CANCEL, actor="ta")
    second = Worker(desk, url, courses=lambda: desk.courses, dead_seconds=1)
    second.start()
    try:
        assert within(10, lambda: not workflows._waits(queue_of("cs101")) and not heard("cs101"))
    finally:
        second.stop()


ONE_COURSE = """
import sys, time
sys.path.insert(0, sys.argv[1])
import chaos
from serving.jobs.errors import LabChangedError
from serving.jobs.worker import Worker
from serving.store.store import open_store

class OneCourse(chaos.HashDesk):
    def lab(self, job):
        if job.course != course:
            raise LabChangedError("the wrong worker has it")
        return super().lab(job)

_, _, url, name, course = sys.argv
desk = OneCourse(open_store(url), chaos.made_up_lab(64), 0.02)
Worker(desk, url, name, courses=lambda: {course}, dead_seconds=1.5).start()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_each_worker_does_its_own_course_s_jobs_and_takes_over_from_no_other_s(
    new_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import chaos

    url = new_url()
    store, lab, started = open_store(url), chaos.made_up_lab(64), list["subprocess.Popen[bytes]"]()
    book = JobRepository(store.database)
    one, two = (book.add(course, lab, actor="test") for course in ("cs101", "cs102"))

    def start(name: str, course: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", ONE_COURSE, str(BENCHMARKS), url, name, course]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        return started[-1]

    def progress(job: Job) -> Progress:
        return book.progress(job.id)

    try:
        first, second = start("first", "cs101"), start("second", "cs102")
        assert within(30, lambda: progress(one).graded > 0)
        first.kill()
        left = progress(one).graded
        assert within(30, lambda: progress(two).state is State.DONE)
        time.sleep(2.5)  # the second has looked after what the first left
        assert progress(one).state is State.RUNNING and progress(one).graded <= left + 16 < 64
        assert second.poll() is None
        start("third", "cs101")
        assert within(30, lambda: progress(one).state is State.DONE)
        assert progress(one).parked == progress(two).parked == ()
        for job in (one, two):
            assert chaos.compared(store, lab, job) == {"lost": 0, "doubled": 0, "changed": 0}
    finally:
        for process in started:
            process.kill()
            process.communicate()
        store.close()
