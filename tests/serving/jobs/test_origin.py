"""A job's grades are all of one model: the first ones decide, others are refused by name, and the same one goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.jobs.chunk import grade_chunk
from serving.jobs.errors import OtherModelError
from serving.jobs.job import Job, RequestedState, State
from serving.jobs.worker import Worker
from serving.store.store import Store


@pytest.fixture
def first(desk: Any) -> Any:
    desk.model = 16 * "1111"
    return desk


@pytest.fixture
def other(new_desk: Any, first: Any) -> Any:
    """Of another model."""
    desk = new_desk(first.known)
    desk.model = 16 * "2222"
    return desk


def test_another_models_grades_are_not_put_beside_those_of_the_first_and_nobody_is_blamed(
    first: Any, other: Any, store: Store
) -> None:
    job = first.add(chunk=2)
    assert job.origin is None
    grade_chunk(first, job.id, 0)
    for _ in range(3):
        with pytest.raises(OtherModelError, match="has model_hash 222222222222, not 111111111111"):
            grade_chunk(other, job.id, 1)
    before = first.book.progress(job.id)
    assert (before.graded, before.parked) == (2, ())
    for chunk in (0, 1, 2):
        grade_chunk(first, job.id, chunk)
    models = {stored.grade.provenance.model_hash[-4:] for stored in store.read_grades(job.id) if stored.grade}
    assert (first.book.progress(job.id).graded, models) == (6, {"1111"})


@pytest.mark.slow
def test_a_worker_with_another_model_fails_the_job_in_words_and_the_first_model_can_resume_it(
    first: Any, other: Any, url: str, ended: Any
) -> None:
    job = first.add(chunk=2)
    grade_chunk(first, job.id, 0)
    worker = Worker(other, url, dead_seconds=1)
    worker.start()
    try:
        failed = ended(other.book, job)
        assert failed.state is State.FAILED and failed.graded == 2
        assert failed.job.failure and "model_hash" in failed.job.failure
        other.model = first.model
        worker.begin(other.book.wish(job.id, RequestedState.RUN, actor="ta"))
        done = ended(other.book, job)
        assert (done.state, done.graded, done.parked) == (State.DONE, 6, ())
    finally:
        worker.stop()


def test_a_worker_leaves_a_job_of_a_terminal_alone(
    desk: Any, make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[Job]()
    monkeypatch.setattr("serving.jobs.workflows.start", started.append)
    ours = desk.book.add("course", make_lab(students=2), actor="terminal:ta", at_terminal=True)
    theirs = desk.book.add("course", make_lab(students=2), actor="ta")
    worker = Worker(desk, "sqlite:///not-used.db")
    for job in (ours, theirs):  # as the service does when a person begins or resumes it
        worker.begin(job)
    assert started == desk.book.unfinished() == [theirs]
