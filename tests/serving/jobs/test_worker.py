"""A worker from its start to its end: what it works on comes to its end, there or with the next one."""

import importlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.jobs.errors import LabChangedError
from serving.jobs.job import RequestedState, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker import Worker, beat
from serving.store.store import open_store

CHAOS = Path(__file__).parents[3] / "benchmarks" / "chaos.py"


@pytest.mark.slow
def test_more_jobs_than_the_machine_has_cores_come_to_their_end(desk: Any, worker: Worker, ended: Any) -> None:
    jobs = [desk.add(chunk=4) for _ in range(12)]
    for job in jobs:
        worker.begin(job)
    assert {ended(desk.book, job).state for job in jobs} == {State.DONE}
    assert all(desk.book.progress(job.id).graded == 6 for job in jobs)


@pytest.mark.usefixtures("worker")
def test_a_lab_without_submissions_is_done_at_once(desk: Any, ended: Any) -> None:
    job = desk.book.add("course", desk.known.model_copy(update={"submissions": ()}), actor="ta")
    assert ended(desk.book, job).state is State.DONE
    assert desk.book.progress(job.id).seconds_left == 0


def test_a_job_whose_lab_changed_says_so_and_can_be_resumed_when_it_is_back(
    desk: Any, worker: Worker, ended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(_: object) -> None:
        raise LabChangedError("The lab has changed.")

    with monkeypatch.context() as patch:
        patch.setattr(desk, "lab", changed)
        worker.begin(job := desk.add())
        assert ended(desk.book, job).state is State.FAILED
    assert desk.book.job(job.id).failure == "The lab has changed."
    worker.begin(again := desk.book.wish(job.id, RequestedState.RUN, actor="ta"))
    assert ended(desk.book, again).state is State.DONE


@pytest.mark.usefixtures("worker")
def test_a_process_is_one_worker(desk: Any, url: str) -> None:
    with pytest.raises(RuntimeError, match="a worker already"):
        Worker(desk, url, "second").start()


def test_a_worker_that_stopped_leaves_no_thread_and_another_goes_on(desk: Any, url: str, ended: Any) -> None:
    before = set(threading.enumerate())
    job = None
    for _ in range(2):
        worker = Worker(desk, url, dead_seconds=1)
        worker.start()
        job = desk.add(chunk=3)
        worker.begin(job)
        worker.stop()
    end = time.monotonic() + 10
    while (left := set(threading.enumerate()) - before) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left
    worker = Worker(desk, url, dead_seconds=1)
    worker.start()
    assert [ended(desk.book, each).state for each in desk.book.all()] == [State.DONE] * 2
    worker.stop()


def test_who_says_nothing_is_struck_off(desk: Any) -> None:
    database = desk.store.database
    assert beat(database, "a", timedelta(seconds=9)) == {"a"}
    assert beat(database, "b", timedelta(seconds=9)) == {"a", "b"}
    time.sleep(0.02)
    assert beat(database, "b", timedelta(seconds=0.01)) == {"b"}


@pytest.mark.slow
@pytest.mark.parametrize("other", ["second", "first"], ids=["another", "another of its name"])
def test_what_a_worker_did_that_never_comes_back_is_done_by_another(
    new_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.syspath_prepend(str(CHAOS.parent))
    chaos = importlib.import_module("chaos")
    url = new_url()
    store, lab = open_store(url), chaos.made_up_lab(40)
    book = JobRepository(store.database)
    job = book.add(chaos.COURSE, lab, actor="test")

    def start(name: str) -> "subprocess.Popen[bytes]":
        given = ["--store", url, "--submissions", "40", "--pace", "0.1", "--be-worker", name]
        process = subprocess.Popen([sys.executable, str(CHAOS), *given], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        return process

    first = start("first")  # it has the job's round, and a chunk of it
    second = None
    try:
        second = start(other)
        time.sleep(1)
        first.kill()
        end = time.monotonic() + 60
        while book.progress(job.id).state is not State.DONE and time.monotonic() < end:
            time.sleep(0.2)
        progress = book.progress(job.id)
        assert (progress.state, progress.graded, progress.parked) == (State.DONE, 40, ())
        assert chaos.compared(store, lab, job) == {"lost": 0, "doubled": 0, "changed": 0}
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.communicate()
        store.close()
