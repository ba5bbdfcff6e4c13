"""Readiness problems: a read-only store, a full disk, no worker."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert

from labs_schema.models import Lab
from serving.jobs.job import RequestedState, State
from serving.jobs.repository import JobRepository
from serving.jobs.tables import workers
from serving.observability.collectors import count_jobs
from serving.observability.metrics import Metrics
from serving.observability.readiness import readiness, worker_faults
from serving.store.database import Database, open_database
from serving.store.ledger import timestamp


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'store' / 'grades.db'}")
    yield opened
    opened.close()


def test_writable_store_with_disk_space_is_ready(database: Database, tmp_path: Path) -> None:
    assert readiness(database, tmp_path, free_bytes=1) == []


def test_read_only_store_is_not_ready(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    [wrong] = readiness(database)
    assert wrong.startswith("The store accepts no writes.")


def test_nearly_full_disk_is_not_ready(database: Database, tmp_path: Path) -> None:
    [wrong] = readiness(database, tmp_path, free_bytes=10**18)
    assert "nearly full" in wrong


def test_jobs_need_a_worker_with_a_recent_heartbeat(database: Database, make_lab: Callable[..., Lab]) -> None:
    repository = JobRepository(database)

    def wrong(course: str) -> list[str]:
        return worker_faults(database, repository, [course])

    def serve(courses: list[str] | None, seconds: float) -> None:
        seen = timestamp(datetime.now(UTC) - timedelta(seconds=seconds))
        with database.writing() as connection:
            connection.execute(delete(workers))
            connection.execute(insert(workers).values(name="w", seen_at=seen, courses=courses))

    assert wrong("course") == []
    repository.add("course", make_lab(), actor="a")
    assert wrong("other") == []
    for courses, right in ((["other"], False), (["course", "other"], True), (None, True)):
        serve(courses, 10)
        assert (wrong("course") == []) is right
    serve(None, 60)
    [message] = wrong("course")
    assert message.startswith("Jobs of course wait")


def test_jobs_are_counted_by_state(database: Database, make_lab: Callable[..., Lab]) -> None:
    repository = JobRepository(database)
    one, two, _ = (repository.add("course", make_lab(), actor="a") for _ in range(3))
    repository.request(one.id, RequestedState.CANCEL, actor="a")
    repository.request(two.id, RequestedState.PAUSE, actor="a")
    states = count_jobs(repository)
    assert {state.value: count for state, count in states.items() if count} == {
        "cancelled": 1,
        "paused": 1,
        "queued": 1,
    }
    assert set(states) == set(State)
    metrics = Metrics()
    metrics.watch_jobs(repository)
    assert 'grader_jobs{state="paused"} 1.0' in metrics.text().decode()
