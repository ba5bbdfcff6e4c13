"""Lets one process at a time work on a job of a terminal. The turn ends with its process, however that ends.

It only saves work: what two processes did at once would be kept once.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from labs_schema.errors import GraderError
from serving.store.database import Database


@contextmanager
def turn(database: Database, job_id: str) -> Iterator[None]:
    """Raises GraderError where another process has it."""
    with _locked_file(database.folder, job_id) if database.folder else _locked_key(database, job_id) as had:
        if not had:
            raise GraderError(f"Another process works on this regrade already (job {job_id}). Wait until it has ended.")
        yield


@contextmanager
def _locked_file(folder: Path, job_id: str) -> Iterator[bool]:
    path = folder / f".regrade-{job_id}"
    with path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _locked_key(database: Database, job_id: str) -> Iterator[bool]:
    """PostgreSQL gives the key back when the connection ends."""
    key = int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:8], signed=True)
    with database.bare() as connection:
        had: bool = connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one()
        try:
            yield had
        finally:
            with suppress(DBAPIError):
                connection.execute(select(func.pg_advisory_unlock(key)))
