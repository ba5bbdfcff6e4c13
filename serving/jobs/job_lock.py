"""Only one process at a time grades a CLI job. The lock ends with its process, however that ends.

It only prevents double work: if two processes grade the same job, the store still records each grade once.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from labs_schema.errors import GraderError
from serving.store.database import Database


@contextmanager
def job_lock(database: Database, job_ids: Sequence[str]) -> Iterator[None]:
    """Locks all of the jobs. Raises GraderError if another process has locked one of them."""
    with ExitStack() as locked:
        if database.folder:
            taken = next(
                (each for each in job_ids if not locked.enter_context(_file_lock(database.folder, each))), None
            )
        else:
            taken = locked.enter_context(_advisory_locks(database, job_ids))
        if taken:
            raise GraderError(
                f"Another process is already running this regrade (job {taken}). Wait until it has ended.",
                code="job-locked",
            )
        yield


@contextmanager
def _file_lock(folder: Path, job_id: str) -> Iterator[bool]:
    """Yields whether the lock was free."""
    path = folder / f".regrade-{job_id}"
    while True:
        with path.open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            # The owner deletes the file before it unlocks it: a lock on a deleted file is worthless.
            if _is(file.fileno(), path):
                try:
                    yield True
                finally:
                    path.unlink(missing_ok=True)
                return


def _is(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


@contextmanager
def _advisory_locks(database: Database, job_ids: Sequence[str]) -> Iterator[str | None]:
    """Yields the first job that another process has locked.

    PostgreSQL releases the locks when the connection ends; one connection has all of them, as a course may have many
    labs and connections are few.
    """
    keys = {each: int.from_bytes(hashlib.sha256(each.encode()).digest()[:8], signed=True) for each in job_ids}
    with database.reading() as reader:
        connection = reader.execution_options(isolation_level="AUTOCOMMIT")  # no transaction as long as a regrade
        try:
            free = (connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one() for key in keys.values())
            yield next((each for each, had in zip(keys, free, strict=True) if not had), None)
        finally:
            with suppress(SQLAlchemyError):
                connection.execute(select(func.pg_advisory_unlock_all()))
