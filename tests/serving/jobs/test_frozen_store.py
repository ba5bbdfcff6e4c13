"""PostgreSQL hangs under a worker: the worker can be stopped, and its job continues once the server responds."""

import time
from typing import Any

import pytest

from labs_schema.limits import JobLimits
from serving.jobs.job import Job, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker.worker import Worker
from serving.store.errors import StoreError
from serving.store.store import Store
from tests.harness.courses.synthetic_lab import COURSE, HashBackend, synthetic_lab
from tests.harness.processes.forking import wait_until
from tests.harness.stores.exactly_once import assert_exactly_once

pytestmark = pytest.mark.slow


def test_a_job_continues_after_a_hang_and_a_worker_stops_during_one(
    short_timeout_store: Store, postgresql_url: str, frozen: Any, quick: JobLimits
) -> None:
    store, lab = short_timeout_store, synthetic_lab(64)
    jobs = JobRepository(store.database)

    def started() -> tuple[Worker, Job]:
        worker = Worker(HashBackend(store, lab, 0.02), limits=quick)
        worker.start()
        worker.notify(job := jobs.add(COURSE, lab, actor="ta", chunk=8))
        wait_until(lambda: jobs.progress(job.id).graded > 0, ignore=StoreError)
        return worker, job

    worker, job = started()
    with frozen(postgresql_url):
        time.sleep(2)
    wait_until(lambda: jobs.progress(job.id).state is State.DONE, ignore=StoreError)
    assert_exactly_once(store, job, lab)
    worker.stop()

    worker, job = started()
    with frozen(postgresql_url):
        stopping = time.monotonic()
        worker.stop()
        assert time.monotonic() - stopping < 15
