"""When a job without its lab here is not failed: it was resumed just now, or the workers that have its lab are busy."""

import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.jobs import workflows
from serving.jobs.errors import NoLabError
from serving.jobs.job import Job, RequestedState, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker import Worker
from serving.jobs.worker_state import WorkerState
from serving.store.store import Store, open_store

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


class NoLabs:
    def __init__(self, store: Store) -> None:
        self.store, self.book = store, JobRepository(store.database)

    def lab(self, job: Job) -> Any:
        raise NoLabError(f"{job.lab} is not here")

    def grade(self, *_: object) -> Any:
        raise AssertionError


def until(done: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def going_on(book: JobRepository, job: Job) -> bool:
    return book.progress(job.id).state in (State.QUEUED, State.RUNNING)


@pytest.fixture
def chaos(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 0.8)
    monkeypatch.setattr(workflows, "LONGEST_PAUSE", 0.1)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("chaos")


def test_a_job_that_was_stopped_for_long_has_its_time_again_once_it_is_resumed(tmp_path: Path, chaos: Any) -> None:
    store = open_store(url := f"sqlite:///{tmp_path}/store.db")
    worker = Worker(NoLabs(store), url, dead_seconds=0.3)
    worker.start()
    try:
        worker.begin(job := worker.desk.book.add("course", chaos.made_up_lab(2), actor="ta"))
        until(lambda: job.id in WorkerState.lacking._seen)
        worker.desk.book.wish(job.id, RequestedState.PAUSE, actor="ta")
        time.sleep(workflows.PATIENCE_SECONDS)
        resumed = time.monotonic()
        worker.begin(again := worker.desk.book.wish(job.id, RequestedState.RUN, actor="ta"))
        until(lambda: not going_on(worker.desk.book, again))
        assert time.monotonic() - resumed >= workflows.PATIENCE_SECONDS
    finally:
        worker.stop()
        store.close()


BUSY = """
import sys, time
sys.path.insert(0, sys.argv[1])
import chaos
from serving.jobs.worker import Worker
from serving.store.store import open_store

_, _, url = sys.argv
Worker(chaos.HashDesk(open_store(url), chaos.made_up_lab(16), 0.2), url, "busy", dead_seconds=0.9).start()
time.sleep(60)
"""


@pytest.mark.slow
def test_a_job_waits_for_a_worker_with_its_lab_that_is_long_at_a_part_of_another_job(
    postgresql_url: str, chaos: Any
) -> None:
    store = open_store(postgresql_url)
    book, lab = JobRepository(store.database), chaos.made_up_lab(16)
    worker = Worker(NoLabs(store), postgresql_url, "idle", dead_seconds=0.9)
    first = book.add(chaos.COURSE, lab, actor="ta")
    with subprocess.Popen([sys.executable, "-c", BUSY, str(BENCHMARKS), postgresql_url]) as busy:
        try:
            until(lambda: bool(book.tries.of(first.id, book.members(first, 0))))
            worker.start()
            worker.begin(second := book.add(chaos.COURSE, lab, actor="ta"))
            until(lambda: not going_on(book, second))
            assert book.progress(second.id).state is State.DONE, book.job(second.id).failure
        finally:
            busy.kill()
            worker.stop()
            store.close()
