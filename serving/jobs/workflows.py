"""Jobs as durable workflows (DBOS): a workflow a round of a job, in it a queued workflow a chunk, a step each.

The queue's own tables stand in the same PostgreSQL database as the store, or in a SQLite file beside it, since SQLite
has one writer at a time. They only say what is to be called again: what a call has done already is in the store, so a
call that comes twice changes nothing, and a lost queue is filled again from the book (`Workers.catch_up`).
"""

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import make_url

from serving.jobs.chunk import Desk, grade_chunk
from serving.jobs.errors import LabChangedError
from serving.jobs.job import Job, Wish

QUEUE = "grading"
ALWAYS = 1_000_000
"""How often a workflow may be recovered: a job is not given up because its machine was killed often."""


class _Hands:
    """What the workflows of this process work with: DBOS calls plain functions, of which there is one set a process."""

    desk: Desk | None = None


def hands() -> Desk:
    if _Hands.desk is None:
        raise RuntimeError("no desk was set up in this process")
    return _Hands.desk


@DBOS.step(name="grade_chunk", retries_allowed=True, max_attempts=8, interval_seconds=0.5)
def _grade(job_id: str, number: int) -> None:
    try:
        grade_chunk(hands(), job_id, number)
    except LabChangedError as error:
        hands().book.finish(job_id, str(error))


@DBOS.workflow(name="chunk", max_recovery_attempts=ALWAYS)
def _chunk(job_id: str, number: int) -> None:
    _grade(job_id, number)


@DBOS.step(name="finish")
def _finish(job_id: str, round_: int, failures: int) -> None:
    book = hands().book
    job = book.job(job_id)
    if job.round == round_ and job.wish is Wish.RUN:
        book.finish(job_id, f"{failures} parts could not be worked on; see the service's log" if failures else None)


@DBOS.workflow(name="job", max_recovery_attempts=ALWAYS)
def _round(job_id: str, round_: int, chunks: int) -> None:
    handles = []
    for number in range(chunks):
        with SetWorkflowID(f"{job_id}.{round_}.{number}"):
            handles.append(DBOS.enqueue_workflow(QUEUE, _chunk, job_id, number))
    failures = 0
    for handle in handles:
        try:
            handle.get_result()
        except Exception:
            failures += 1
    _finish(job_id, round_, failures)


def start(job: Job) -> None:
    """Lets the job's round be worked on, by whichever worker comes first; a second start of a round changes nothing."""
    with SetWorkflowID(f"{job.id}.{job.round}"):
        DBOS.start_workflow(_round, job.id, job.round, job.chunks)


def launch(desk: Desk, store_url: str, worker: str, *, polling_seconds: float = 0.2) -> None:
    """Makes this process the worker called `worker`: it takes chunks from the queue, one at a time.

    A worker of the same name that was killed is continued at once. Raises whatever the database raises.
    """
    _Hands.desk = desk
    config: DBOSConfig = {
        "name": "grader-jobs",
        "system_database_url": queue_url(store_url),
        "executor_id": worker,
        "application_version": "1",
        "log_level": "ERROR",
        "console_log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=1, polling_interval_sec=polling_seconds)


def stop() -> None:
    """Ends this process's part; what it was doing is done by the next."""
    DBOS.destroy()
    _Hands.desk = None


def take_over(dead: list[str]) -> int:
    """Puts what the workers called `dead` were doing back into the queue; how much that was."""
    lost = DBOS.list_workflows(executor_id=dead, status="PENDING", load_input=False, load_output=False)
    if lost:
        DBOS.resume_workflows([status.workflow_id for status in lost])
    return len(lost)


def queue_url(store_url: str) -> str:
    """Where the queue of a store is."""
    url = make_url(store_url)
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}.jobs"
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
