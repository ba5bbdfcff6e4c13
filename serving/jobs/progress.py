"""A job's progress, computed from its stored grades and parked submissions."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from serving.jobs.attempts import parked_of
from serving.jobs.job import Job, Progress, RequestedState, State
from serving.store.grades.grades import by_model
from serving.store.tables import grades


def progress_of(connection: Connection, job: Job) -> Progress:
    """`job` must have been read in the same transaction."""
    mine = select(func.count(), func.min(grades.c.at), func.max(grades.c.at)).where(
        grades.c.request == job.id, by_model
    )
    graded, first, last = connection.execute(mine).one()
    parked = parked_of(connection, job.id)
    left = 0 if job.finished_at else max(0, job.total - graded - len(parked))
    return Progress(
        job=job,
        state=state_of(job, graded),
        graded=graded,
        parked=parked,
        seconds_left=_seconds_left(left, graded, _seconds(first, last)),
    )


def state_of(job: Job, graded: int) -> State:
    """`graded`: the number of its grades; matters only for a job that is running or queued."""
    if job.requested is RequestedState.CANCEL:
        return State.CANCELLED
    if job.finished_at is not None:
        return State.DONE if job.failure is None else State.FAILED
    if job.requested is RequestedState.PAUSE:
        return State.PAUSED
    return State.RUNNING if graded else State.QUEUED


def _seconds_left(left: int, graded: int, elapsed: float) -> float | None:
    """Extrapolates the pace between the first and the last grade."""
    if not left:
        return 0.0
    return left * elapsed / (graded - 1) if graded > 1 and elapsed else None


def _seconds(first: str | None, last: str | None) -> float:
    if first is None or last is None:
        return 0.0
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
