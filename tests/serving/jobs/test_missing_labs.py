"""A worker without a job's lab leaves the job to other workers; if none has the lab, the job fails."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labs_schema.limits import JobLimits
from labs_schema.models import Lab
from serving.jobs.errors import NoLabError
from serving.jobs.job import Job, RequestedState, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker.backend import WorkerBackend
from serving.jobs.worker.worker import Worker
from serving.store.store import Store, open_store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import COURSE, synthetic_lab
from tests.harness.processes.forking import start, wait_until
from tests.harness.stores.exactly_once import assert_exactly_once


class NoLabs:
    def __init__(self, store: Store) -> None:
        self.store, self.jobs = store, JobRepository(store.database)

    def lab(self, job: Job) -> Any:
        raise NoLabError(f"{job.lab} is not here")

    def grade(self, *_: object) -> Any:
        raise AssertionError


def unfinished(jobs: JobRepository, job: Job) -> bool:
    return jobs.progress(job.id).state in (State.QUEUED, State.RUNNING)


@pytest.fixture
def folder_backend(store: Store, tmp_path: Path, grade_of: Any, monkeypatch: pytest.MonkeyPatch) -> WorkerBackend:
    """Finds its labs in an empty folder, and grades everything by the first ratings."""
    (tmp_path / "labs").mkdir()
    backend = WorkerBackend(store, tmp_path / "labs", None)  # type: ignore[arg-type]
    monkeypatch.setattr(backend, "grade", lambda lab, submissions: [grade_of(lab, each) for each in submissions])
    return backend


@pytest.fixture
def worker(folder_backend: WorkerBackend, quick: JobLimits) -> Iterator[Worker]:
    started = Worker(folder_backend, limits=quick)
    started.start()
    yield started
    started.stop()


def test_job_without_a_worker_for_its_lab_fails_and_can_be_resumed(
    folder_backend: WorkerBackend,
    worker: Worker,
    make_lab: Callable[..., Lab],
    tmp_path: Path,
    quick: JobLimits,
    ended: Any,
) -> None:
    lab, jobs, started = make_lab(students=6), folder_backend.jobs, time.monotonic()
    worker.notify(job := jobs.add("course", lab, actor="ta", chunk=2))
    assert ended(jobs, job).state is State.FAILED and time.monotonic() - started >= quick.stalled_seconds
    assert "No worker has the lab 'lab1'" in str(jobs.job(job.id).failure)
    write_lab(lab, tmp_path / "labs" / "lab1")
    worker.notify(again := jobs.request(job.id, RequestedState.RUN, actor="ta"))
    assert ended(jobs, again).state is State.DONE


def test_resumed_job_waits_the_full_time_again(tmp_path: Path, quick: JobLimits) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    worker = Worker(NoLabs(store), limits=quick)
    worker.start()
    try:
        worker.notify(job := worker.jobs.add("course", synthetic_lab(2), actor="ta"))
        wait_until(lambda: job.id in worker._stalls)
        worker.jobs.request(job.id, RequestedState.PAUSE, actor="ta")
        time.sleep(quick.stalled_seconds)
        resumed = time.monotonic()
        worker.notify(again := worker.jobs.request(job.id, RequestedState.RUN, actor="ta"))
        wait_until(lambda: not unfinished(worker.jobs, again))
        assert time.monotonic() - resumed >= quick.stalled_seconds
    finally:
        worker.stop()
        store.close()


@pytest.mark.slow
@pytest.mark.parametrize("other_job", [False, True], ids=["at this job", "at a long chunk of another job"])
def test_worker_without_the_lab_leaves_the_job_to_others(
    postgresql_url: str, quick: JobLimits, other_job: bool
) -> None:
    store, lab = open_store(postgresql_url), synthetic_lab(16)
    # A busy machine delays heartbeats and claims. The chunk of the other job takes longer than `stalled_seconds`.
    quick = quick.model_copy(update={"stalled_seconds": 2 if other_job else 20, "dead_seconds": 20})
    jobs, created = JobRepository(store.database), list[Job]()
    worker = Worker(NoLabs(store), "without", limits=quick)
    if other_job:
        created.append(jobs.add(COURSE, lab, actor="ta"))
    options = ["--submissions", 16, "--pace", 0.2, "--dead-seconds", quick.dead_seconds]
    module = "tests.harness.processes.worker_process"
    with start(module, postgresql_url, "with", *options, stdout=subprocess.PIPE) as another:
        try:
            assert another.stdout is not None and another.stdout.readline() == b"ready\n"
            if other_job:
                wait_until(lambda: jobs.attempts.of(created[0].id, jobs.members(created[0], 0)))
            worker.start()
            worker.notify(job := jobs.add(COURSE, lab, actor="ta"))
            wait_until(lambda: not unfinished(jobs, job), 40)
            assert jobs.progress(job.id).state is State.DONE, jobs.job(job.id).failure
            assert_exactly_once(store, job, lab)
        finally:
            another.kill()
            worker.stop()
            store.close()
