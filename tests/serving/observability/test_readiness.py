"""Not ready is said with its reason: a store that takes no write, a full disk, no worker."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from labs_schema.models import Lab
from serving.jobs.book import JobBook
from serving.jobs.job import State, Wish
from serving.jobs.tables import workers
from serving.observability.job_states import job_states
from serving.observability.readiness import readiness, worker_faults
from serving.store.database import Database, open_database
from serving.store.ledger import stamp


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'store' / 'grades.db'}")
    yield opened
    opened.close()


def test_a_store_that_can_be_written_on_a_disk_with_room_is_ready(database: Database, tmp_path: Path) -> None:
    assert readiness(database, tmp_path, free_bytes=1) == []


def test_a_store_that_takes_no_write_is_not(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    [wrong] = readiness(database)
    assert wrong.startswith("The store takes no write.")


def test_a_disk_that_is_nearly_full_is_not(database: Database, tmp_path: Path) -> None:
    [wrong] = readiness(database, tmp_path, free_bytes=10**18)
    assert "nearly full" in wrong


def test_jobs_need_a_worker_that_said_lately_that_it_lives(database: Database, make_lab: Callable[..., Lab]) -> None:
    now, book = datetime.now(UTC), JobBook(database)
    assert worker_faults(database, book, now) == []
    book.add("course", make_lab(), actor="a")
    [wrong] = worker_faults(database, book, now)
    assert "No worker" in wrong
    with database.writing() as connection:
        connection.execute(insert(workers).values(name="w1", seen_at=stamp(now)))
    assert worker_faults(database, book, now + timedelta(seconds=10)) == []
    assert worker_faults(database, book, now + timedelta(seconds=60)) != []


def test_jobs_are_counted_by_state(database: Database, make_lab: Callable[..., Lab]) -> None:
    book = JobBook(database)
    one, two, _ = (book.add("course", make_lab(), actor="a") for _ in range(3))
    book.wish(one.id, Wish.CANCEL, actor="a")
    book.wish(two.id, Wish.PAUSE, actor="a")
    states = job_states(book)
    assert {state: count for state, count in states.items() if count} == {"cancelled": 1, "paused": 1, "queued": 1}
    assert set(states) == set(State)
