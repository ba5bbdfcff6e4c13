"""Outages under a worker: an engine, a store or a lab that is unavailable for a while, or for good."""

import time
from itertools import pairwise
from typing import Any

import pytest

from labs_schema.grades import Grade
from labs_schema.limits import JobLimits
from labs_schema.models import Lab
from serving.engines.engine import EngineDownError
from serving.jobs.job import Job, State
from serving.jobs.worker.leases import Leases
from serving.jobs.worker.worker import Worker
from serving.store.errors import StoreError
from tests.harness.processes.forking import wait_until


def test_a_job_continues_after_an_engine_outage_of_any_length(
    backend: Any, worker: Worker, quick: JobLimits, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    job, calls = backend.add(chunk=3), list[float]()

    def down(*_: object) -> list[Grade]:
        calls.append(time.monotonic())
        raise EngineDownError("no server answered")

    with monkeypatch.context() as patch:
        patch.setattr(backend, "grade", down)
        worker.notify(job)
        wait_until(lambda: len(calls) > 5 and calls[-1] - calls[0] > quick.stalled_seconds)
        assert backend.jobs.progress(job.id).state is State.QUEUED
    assert max(b - a for a, b in pairwise(calls)) >= quick.longest_pause_seconds
    done = ended(backend.jobs, job)
    assert (done.state, done.graded, done.parked) == (State.DONE, 6, ())


def test_a_chunk_whose_lease_could_not_be_released_is_claimed_again(
    backend: Any, worker: Worker, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    down, failed = iter([True]), list[int]()
    release, record = Leases.release, backend.store.record_grades

    def unreachable(leases: Leases, job: Job, number: int) -> None:
        if failed and next(down, False):
            raise StoreError("gone")
        release(leases, job, number)

    def gone(*args: Any, **kwargs: Any) -> Any:
        if not failed:
            failed.append(1)
            raise StoreError("gone")
        return record(*args, **kwargs)

    monkeypatch.setattr(Leases, "release", unreachable)
    monkeypatch.setattr(backend.store, "record_grades", gone)
    worker.notify(job := backend.add(chunk=3))
    assert ended(backend.jobs, job).state is State.DONE
    assert failed and backend.jobs.progress(job.id).graded == 6


def test_a_job_whose_lab_cannot_be_read_fails_with_the_kind_of_error_only(
    backend: Any, worker: Worker, quick: JobLimits, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    def unreadable(_: Job) -> Lab:
        raise PermissionError("/labs/lab/a student's name")

    monkeypatch.setattr(backend, "lab", unreadable)
    started = time.monotonic()
    worker.notify(job := backend.add(chunk=3))
    assert ended(backend.jobs, job).state is State.FAILED
    assert time.monotonic() - started >= quick.stalled_seconds
    failure = str(backend.jobs.job(job.id).failure)
    assert failure.startswith("PermissionError") and "student" not in failure


@pytest.mark.usefixtures("worker")
def test_worker_survives_any_error_while_polling_for_jobs(
    backend: Any, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    failed = list[int]()

    def broken() -> list[Job]:
        failed.append(1)
        raise TypeError("anything")

    with monkeypatch.context() as patch:
        patch.setattr(backend.jobs, "unfinished", broken)
        wait_until(lambda: failed, 5)
    assert ended(backend.jobs, backend.add()).state is State.DONE
