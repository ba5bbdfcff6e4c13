"""Lets one process at a time work on a job of a terminal. The turn ends with its process, however that ends.

It only saves work: what two processes did at once would be kept once.
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
def turn(database: Database, job_ids: Sequence[str]) -> Iterator[None]:
    """On all of the jobs. Raises GraderError where another process has one of them."""
    with ExitStack() as held:
        if database.folder:
            taken = next((each for each in job_ids if not held.enter_context(_file(database.folder, each))), None)
        else:
            taken = held.enter_context(_keys(database, job_ids))
        if taken:
            raise GraderError(f"Another process works on this regrade already (job {taken}). Wait until it has ended.")
        yield


@contextmanager
def _file(folder: Path, job_id: str) -> Iterator[bool]:
    """Whether it is had. Whoever has it takes the file away before the lock ends, so a lock on a file that is gone by
    then is none."""
    path = folder / f".regrade-{job_id}"
    while True:
        with path.open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
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
def _keys(database: Database, job_ids: Sequence[str]) -> Iterator[str | None]:
    """The first that another process has. PostgreSQL gives the keys back when the connection ends, which is one for
    all of them, as there are but a few and a course may have many labs. Nothing of this takes its time: a server that
    is silent is waited for no longer than for any other statement."""
    keys = {each: int.from_bytes(hashlib.sha256(each.encode()).digest()[:8], signed=True) for each in job_ids}
    with database.reading() as reader:
        connection = reader.execution_options(isolation_level="AUTOCOMMIT")  # no transaction lasts as long as a lab
        try:
            free = (connection.execute(select(func.pg_try_advisory_lock(key))).scalar_one() for key in keys.values())
            yield next((each for each, had in zip(keys, free, strict=True) if not had), None)
        finally:
            with suppress(SQLAlchemyError):
                connection.execute(select(func.pg_advisory_unlock_all()))
