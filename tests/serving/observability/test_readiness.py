"""Not ready is said with its reason: a store that takes no write, a full disk, no worker."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from serving.jobs.tables import workers
from serving.observability.readiness import readiness
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


def test_jobs_need_a_worker_that_said_lately_that_it_lives(database: Database) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    [wrong] = readiness(database, needs_worker=True, now=lambda: now)
    assert "No worker" in wrong
    with database.writing() as connection:
        connection.execute(insert(workers).values(name="w1", seen_at=stamp(now)))
    assert readiness(database, needs_worker=True, now=lambda: now + timedelta(seconds=10)) == []
    assert readiness(database, needs_worker=True, now=lambda: now + timedelta(seconds=60)) != []
