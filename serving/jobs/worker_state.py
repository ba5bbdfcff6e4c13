"""This process as one that works on jobs: what the workflows work with here, and the queue's tables (DBOS).

The queue's own tables stand in the same PostgreSQL database as the store, or in a SQLite file beside it, since SQLite
has one writer at a time. Knows no workflow: DBOS finds those that are defined when it is launched.
"""

import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import dbos._serialization as dbos_formats
from dbos import DBOS, DBOSConfig
from sqlalchemy import Engine, make_url

from serving.jobs.chunk import GradingBackend
from serving.jobs.errors import EndingError
from serving.jobs.missing_labs import MissingLabs
from serving.jobs.queues import QueueListeners
from serving.store.database import close_engine, postgresql_engine

QUEUE_CONNECTIONS = 20

# A row of the queue names its own format, and DBOS reads any: whoever can write a row could run code, by pickle.
dbos_formats.DBOSDefaultSerializer = dbos_formats.DBOSPortableJSON


class WorkerState:
    """What the workflows of this process work with: DBOS calls plain functions, of which there is one set a process."""

    desk: GradingBackend | None = None
    ears = QueueListeners()
    lacking = MissingLabs()
    ending = threading.Event()
    engine: Engine | None = None
    holding: ClassVar[set[str]] = set()
    """The workflows that this process is at."""
    missed: ClassVar[set[str]] = set()
    """Those that the queue took for this process's at the last look, and that it was not at."""


def desk() -> GradingBackend:
    """Raises EndingError once the worker was stopped: what is left is then nobody's failure."""
    if WorkerState.desk is None:
        raise EndingError
    return WorkerState.desk


@contextmanager
def held() -> Iterator[None]:
    """While the block lasts, this process is at the workflow that calls."""
    name = str(DBOS.workflow_id)
    WorkerState.holding.add(name)
    try:
        yield
    finally:
        WorkerState.holding.discard(name)


def going_on(jobs: Set[str]) -> None:
    """These jobs go on, by their ids. For how long others went without their lab is forgotten."""
    WorkerState.lacking.only(jobs)


def rest(seconds: float) -> None:
    """Raises EndingError where the process ends meanwhile."""
    if WorkerState.ending.wait(seconds):
        raise EndingError


def launch(at: GradingBackend, store_url: str, process: str) -> None:
    """Makes this process the worker known as `process`, at this desk. It takes chunks once it is told of which courses.

    Raises whatever the database raises, RuntimeError where this process is a worker already.
    """
    if WorkerState.desk is not None:
        raise RuntimeError("this process is a worker already")
    url = queue_url(store_url)
    if url.startswith("sqlite"):
        Path(str(make_url(url).database)).touch(mode=0o600)  # who can write here can have work done
    config: DBOSConfig = {
        "name": "grader-jobs",
        "system_database_url": url,
        "executor_id": process,
        "application_version": "1",
        "serializer": dbos_formats.DBOSPortableJSON,
        "log_level": "ERROR",
        "console_log_level": "ERROR",
    }
    if url.startswith("postgresql"):
        WorkerState.engine = postgresql_engine(make_url(url), pool_size=QUEUE_CONNECTIONS, max_overflow=0)
        config["system_database_engine"] = WorkerState.engine
    WorkerState.desk = at
    WorkerState.ending.clear()
    try:
        DBOS(config=config)
        DBOS.listen_queues([])
        DBOS.launch()
    except BaseException:
        stop()
        raise


def stop() -> None:
    """Ends this process's part; what it was doing is done by the next."""
    WorkerState.desk = None
    WorkerState.ending.set()
    WorkerState.ears.close()
    DBOS.destroy()
    if WorkerState.engine is not None:
        close_engine(WorkerState.engine)
        WorkerState.engine = None


def queue_url(store_url: str) -> str:
    """Where the queue of a store is."""
    url = make_url(store_url)
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}.jobs"
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
