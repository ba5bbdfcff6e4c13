"""Leases: one worker for a chunk at a time, and chunks of dead workers are free again."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from labs_schema.models import Lab
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.jobs.tables import workers
from serving.jobs.worker.leases import Leases
from serving.store.heartbeats import Heartbeats
from serving.store.store import Store, open_store


@pytest.fixture
def store(new_url: Callable[[], str]) -> Any:
    opened = open_store(new_url())
    yield opened
    opened.close()


@pytest.fixture
def job(store: Store, make_lab: Callable[..., Lab]) -> Job:
    """Three chunks of two submissions."""
    return JobRepository(store.database).add("course", make_lab(students=6), actor="ta", chunk=2)


def worker(store: Store, name: str, courses: set[str] | None = None) -> Leases:
    Heartbeats(store.database, workers).beat(name, 30, courses)
    return Leases(store.database, name)


def test_each_chunk_is_claimed_by_one_worker(store: Store, job: Job) -> None:
    first, second = worker(store, "a~1"), worker(store, "b~1")
    assert [first.claim(job), second.claim(job), second.claim(job, 4)] == [0, 1, 2]
    assert first.claim(job, 2) is None and not first.complete(job)
    second.release(job, 1)
    assert first.claim(job, 2) == 1


def test_a_worker_renews_its_own_lease(store: Store, job: Job) -> None:
    first = worker(store, "a~1")
    assert first.claim(job) == first.claim(job) == 0


def test_settled_chunks_are_not_claimed(store: Store, job: Job, grade_of: Any, make_lab: Callable[..., Lab]) -> None:
    lab, jobs, first = make_lab(students=6), JobRepository(store.database), worker(store, "a~1")
    members = [each for chunk in range(3) for each in jobs.members(job, chunk)]
    graded = lab.submissions[0].model_copy(update={"student": members[0]})
    store.record_grades(lab, [graded], [grade_of(lab, graded)], request=job.id, actor="job")
    jobs.attempts.start_batch(job.id, members[1:2])
    assert first.claim(job) == 0
    jobs.attempts.park(job.id, members[1:2])
    assert first.claim(job) == 1
    for student in ("s002", "s003", "s004", "s005"):
        assert not first.complete(job)
        store.forget_student(student, actor="admin")
    assert first.claim(job) is None and first.complete(job)


def test_a_dead_worker_loses_its_leases(store: Store, job: Job) -> None:
    first, second = worker(store, "a~1"), worker(store, "b~1", {"course"})
    assert first.claim(job) == 0 and second.others_busy("course") and not second.others_busy("other")
    time.sleep(0.05)
    Heartbeats(store.database, workers).beat("b~1", 0.04, {"course"})
    assert second.claim(job) == 0 and not second.others_busy("course")
    with store.database.reading() as connection:
        assert connection.execute(select(workers.c.name, workers.c.courses)).all() == [("b~1", ["course"])]


def test_a_restarted_worker_frees_the_leases_of_its_predecessor(store: Store, job: Job) -> None:
    worker(store, "a~1").claim(job)
    other = worker(store, "ab~1")
    Heartbeats(store.database, workers).leave("a~", prefix=True)
    again = worker(store, "a~2")
    assert (again.claim(job), other.claim(job)) == (0, 1)
