"""All grades of a job have one fingerprint: that of the first grades."""

from typing import Any

import pytest

from labs_schema.limits import JobLimits
from serving.jobs.chunk import grade_chunk
from serving.jobs.errors import OtherModelError
from serving.jobs.job import RequestedState, State
from serving.jobs.worker.worker import Worker
from serving.store.store import Store


@pytest.fixture
def first(backend: Any) -> Any:
    backend.model = 16 * "1111"
    return backend


@pytest.fixture
def other(new_backend: Any, first: Any) -> Any:
    """With another model."""
    backend = new_backend(first.known)
    backend.model = 16 * "2222"
    return backend


def test_grades_of_another_model_are_refused_without_failed_attempts(first: Any, other: Any, store: Store) -> None:
    job = first.add(chunk=2)
    assert job.fingerprint is None
    grade_chunk(first, job.id, 0)
    for _ in range(3):
        with pytest.raises(OtherModelError, match="model_hash 222222222222, not 111111111111"):
            grade_chunk(other, job.id, 1)
    before = first.jobs.progress(job.id)
    assert (before.graded, before.parked) == (2, ())
    for chunk in (0, 1, 2):
        grade_chunk(first, job.id, chunk)
    models = {stored.grade.provenance.model_hash[-4:] for stored in store.read_grades(job.id) if stored.grade}
    assert (first.jobs.progress(job.id).graded, models) == (6, {"1111"})


@pytest.mark.slow
def test_a_worker_with_another_model_fails_the_job_and_the_first_model_resumes_it(
    first: Any, other: Any, ended: Any, quick: JobLimits
) -> None:
    job = first.add(chunk=2)
    grade_chunk(first, job.id, 0)
    worker = Worker(other, limits=quick)
    worker.start()
    try:
        failed = ended(other.jobs, job)
        assert failed.state is State.FAILED and failed.graded == 2
        assert failed.job.failure and "model_hash" in failed.job.failure
        other.model = first.model
        worker.notify(other.jobs.request(job.id, RequestedState.RUN, actor="ta"))
        done = ended(other.jobs, job)
        assert (done.state, done.graded, done.parked) == (State.DONE, 6, ())
    finally:
        worker.stop()
