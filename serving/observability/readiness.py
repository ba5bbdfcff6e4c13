"""Readiness checks: a store that accepts writes, disk space, workers for jobs. Each returns its problems as text."""

import shutil
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import delete

from labs_schema.limits import JobLimits
from serving.jobs.repository import JobRepository
from serving.jobs.tables import workers
from serving.store.database import Database
from serving.store.errors import StoreError
from serving.store.heartbeats import Heartbeats

FREE_BYTES = 200_000_000


def readiness(database: Database, folder: Path | None = None, free_bytes: int = FREE_BYTES) -> list[str]:
    """Problems of the store and of the disk of `folder`. May block as long as the store waits for a lock."""
    return store_faults(database) + (disk_faults(folder, free_bytes) if folder else [])


def store_faults(database: Database) -> list[str]:
    """Deletes a row that does not exist: a store that is read-only, locked or unreachable refuses."""
    try:
        with database.writing() as connection:
            connection.execute(delete(workers).where(workers.c.name == ""))
    except StoreError as error:
        return [f"The store accepts no writes. {error}"]
    return []


def disk_faults(folder: Path, free_bytes: int) -> list[str]:
    free = shutil.disk_usage(folder).free
    if free >= free_bytes:
        return []
    return [f"The store's disk is nearly full: {free // 1_000_000} MB free, {free_bytes // 1_000_000} MB required."]


def worker_faults(database: Database, jobs: JobRepository, courses: Collection[str]) -> list[str]:
    """Unfinished jobs of `courses` without a worker that sent a heartbeat recently."""
    waiting = {job.course for job in jobs.unfinished()} & set(courses)
    heartbeats, seconds = Heartbeats(database, workers), JobLimits().dead_seconds
    with database.reading() as connection:
        left = sorted(each for each in waiting if not heartbeats.serves(connection, each, seconds))
    if not left:
        return []
    return [f"Jobs of {', '.join(left)} wait: none of their workers sent a heartbeat for {seconds:g} s."]
