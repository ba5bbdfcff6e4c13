"""Jobs as durable workflows (DBOS): a workflow a round of a job, in it a queued workflow a chunk, a step each.

The queue's own tables stand in the same PostgreSQL database as the store, or in a SQLite file beside it, since SQLite
has one writer at a time. They only say what is to be called again, by job and number: what a call has done already is
in the store, so a call that comes twice changes nothing, and a lost queue is filled again from the book (`Worker`).
"""

import time
from collections.abc import Sequence
from pathlib import Path

import dbos._serialization as dbos_formats
from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowStatus
from sqlalchemy import make_url

from serving.jobs.chunk import Desk, grade_chunk
from serving.jobs.errors import ChunkError, EndingError, LabChangedError, OtherModelError
from serving.jobs.job import Job

QUEUE, CHUNK = "grading", "chunk"
ALWAYS = 1_000_000
"""How often a workflow may be recovered: a job is not given up because its machine was killed often."""
POLL_SECONDS = 0.2
GOING_ON = ("PENDING", "ENQUEUED", "DELAYED")

# A row of the queue names its own format, and DBOS reads any: whoever can write a row could run code, by pickle.
dbos_formats.DBOSDefaultSerializer = dbos_formats.DBOSPortableJSON


class _Hands:
    """What the workflows of this process work with: DBOS calls plain functions, of which there is one set a process."""

    desk: Desk | None = None


def hands() -> Desk:
    """Raises EndingError once the worker was stopped: what is left is then nobody's failure."""
    if _Hands.desk is None:
        raise EndingError
    return _Hands.desk


@DBOS.step(name="grade_chunk", retries_allowed=True, max_attempts=8, interval_seconds=0.5)
def _grade(job_id: str, number: int) -> None:
    """Tried for about a minute. Of what it raises the queue keeps the kind alone: paths and texts name students."""
    desk = hands()
    try:
        grade_chunk(desk, job_id, number)
    except (LabChangedError, OtherModelError) as error:
        desk.book.finish(desk.book.job(job_id), str(error))
    except Exception as error:
        raise ChunkError(type(error).__name__) from None


@DBOS.workflow(name=CHUNK, max_recovery_attempts=ALWAYS)
def _chunk(job_id: str, number: int) -> None:
    _grade(job_id, number)


@DBOS.step(name="failures")
def _failures(round_id: str) -> int:
    """Waits until no chunk of the round is left; how many failed. DBOS's own wait would outlast the worker."""
    while _chunks(round_id, GOING_ON, limit=1):
        time.sleep(POLL_SECONDS)
        hands()
    return len(_chunks(round_id, ("ERROR",)))


def _chunks(round_id: str, states: Sequence[str], limit: int | None = None) -> list[WorkflowStatus]:
    return DBOS.list_workflows(
        parent_workflow_id=round_id, status=list(states), limit=limit, load_input=False, load_output=False
    )


@DBOS.step(name="finish", retries_allowed=True, max_attempts=12, interval_seconds=0.5)
def _finish(job_id: str, round_: int, failures: int) -> None:
    book = hands().book
    job = book.job(job_id).model_copy(update={"round": round_})
    book.finish(job, f"{failures} of {job.chunks} parts could not be worked on; resume the job" if failures else None)


@DBOS.workflow(name="job", max_recovery_attempts=ALWAYS)
def _round(job_id: str, round_: int, chunks: int) -> None:
    for number in range(chunks):
        with SetWorkflowID(f"{job_id}.{round_}.{number}"):
            DBOS.enqueue_workflow(QUEUE, _chunk, job_id, number)
    _finish(job_id, round_, _failures(f"{job_id}.{round_}"))


def start(job: Job) -> bool:
    """Lets the job's round be worked on, by whichever worker comes first; a second start of a round changes nothing.

    True where the queue holds that nothing is left to do of the round.
    """
    with SetWorkflowID(f"{job.id}.{job.round}"):
        handle = DBOS.start_workflow(_round, job.id, job.round, job.chunks)
    return handle.get_status().status not in GOING_ON


def launch(desk: Desk, store_url: str, process: str) -> None:
    """Makes this process the worker known as `process`: it takes chunks from the queue, one at a time.

    Raises whatever the database raises, RuntimeError where this process is a worker already.
    """
    if _Hands.desk is not None:
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
    _Hands.desk = desk
    try:
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=POLL_SECONDS)
    except BaseException:
        stop()
        raise


def stop() -> None:
    """Ends this process's part; what it was doing is done by the next."""
    _Hands.desk = None
    DBOS.destroy()


def take_over(living: set[str]) -> None:
    """Puts back into the queue what was being done by a worker that is not among the `living`."""
    pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    lost = [each for each in pending if each.executor_id not in living]
    chunks = [each.workflow_id for each in lost if each.name == CHUNK]
    rounds = [each.workflow_id for each in lost if each.name != CHUNK]
    if chunks:
        DBOS.resume_workflows(chunks, queue_name=QUEUE)
    if rounds:  # not in the queue of one at a time, where they would wait for the chunks behind them
        DBOS.resume_workflows(rounds)


def queue_url(store_url: str) -> str:
    """Where the queue of a store is."""
    url = make_url(store_url)
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}.jobs"
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
