"""PostgreSQL hangs under a worker: the worker can be stopped, and its job goes on by itself once the server wakes."""

import importlib
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from serving.jobs.job import Job, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker import Worker
from serving.store.errors import StoreError
from serving.store.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def chaos(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    return importlib.import_module("chaos")


def test_a_job_goes_on_when_the_server_wakes_and_a_worker_ends_though_it_sleeps(
    short_timeout_store: Store, postgresql_url: str, frozen: Any, chaos: Any
) -> None:
    store = short_timeout_store
    book, lab = JobRepository(store.database), chaos.made_up_lab(64)

    def begun() -> tuple[Worker, Job]:
        worker = Worker(chaos.HashDesk(store, lab, 0.02), f"{postgresql_url}&connect_timeout=2", dead_seconds=1)
        worker.start()
        worker.begin(job := book.add(chaos.COURSE, lab, actor="ta", chunk=8))
        until(lambda: book.progress(job.id).graded > 0)
        return worker, job

    worker, job = begun()
    with frozen(postgresql_url):
        time.sleep(2)
    until(lambda: book.progress(job.id).state is State.DONE)
    assert chaos.compared(store, lab, job) == {"lost": 0, "doubled": 0, "changed": 0}
    worker.stop()

    worker, job = begun()
    with frozen(postgresql_url):
        began = time.monotonic()
        worker.stop()
        assert time.monotonic() - began < 15


def until(done: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(StoreError):
            if done():
                return
        time.sleep(0.1)
    raise TimeoutError
