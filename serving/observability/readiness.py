"""What keeps the service from doing its work: a store that takes no write, a full disk, jobs without a worker.

Each check says what is wrong in words for a person, or nothing. Whether the model answers, its thread knows.
"""

import shutil
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select

from labs_schema.limits import JobLimits
from serving.jobs.repository import JobRepository
from serving.jobs.tables import workers
from serving.store.database import Database
from serving.store.errors import StoreError
from serving.store.ledger import timestamp

FREE_BYTES = 200_000_000


def readiness(database: Database, folder: Path | None = None, free_bytes: int = FREE_BYTES) -> list[str]:
    """What is wrong with the store, empty where nothing is. `folder` is on the disk that must have `free_bytes` left.
    Waits for a lock up to the store's own limit: ask it on a thread."""
    return store_faults(database) + (disk_faults(folder, free_bytes) if folder else [])


def store_faults(database: Database) -> list[str]:
    """Begins a write and deletes what is not there: a store that is read-only, locked or away refuses that."""
    try:
        with database.writing() as connection:
            connection.execute(delete(workers).where(workers.c.name == ""))
    except StoreError as error:
        return [f"The store takes no write. {error}"]
    return []


def disk_faults(folder: Path, free_bytes: int) -> list[str]:
    free = shutil.disk_usage(folder).free
    if free >= free_bytes:
        return []
    return [
        f"The store's disk is nearly full: {free // 1_000_000} MB are free, {free_bytes // 1_000_000} MB are needed."
    ]


def worker_faults(
    database: Database, book: JobRepository, courses: Collection[str], now: datetime | None = None
) -> list[str]:
    """Jobs of these `courses` are under way and nobody has said lately that he works on them; see
    `serving.jobs.worker`."""
    waiting = {job.course for job in book.unfinished()} & set(courses)
    if not waiting:
        return []
    since = timestamp((now or datetime.now(UTC)) - timedelta(seconds=JobLimits().dead_seconds))
    with database.reading() as connection:
        for served in connection.execute(select(workers.c.courses).where(workers.c.seen_at >= since)).scalars():
            waiting = waiting - set(served) if served is not None else set()
    if not waiting:
        return []
    named = ", ".join(sorted(waiting))
    return [f"Jobs of {named} wait: none of their workers sent a heartbeat for {JobLimits().dead_seconds:g} s."]
