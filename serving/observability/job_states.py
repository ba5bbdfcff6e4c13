"""How many jobs there are in each state. Knows the book of jobs and no work."""

from collections import Counter
from collections.abc import Mapping

from serving.jobs.job import Job, RequestedState, State
from serving.jobs.repository import JobRepository
from serving.store.errors import StoreError, UnknownError


def job_states(book: JobRepository) -> Mapping[str, int]:
    """State -> jobs, of every state; nothing where the store cannot be read now. How far a job is, is asked only of
    those that are still worked on: the others are many."""
    found = Counter({state.value: 0 for state in State})
    try:
        for job in book.all():
            going = job.finished_at is None and job.wish is RequestedState.RUN
            found[(book.progress(job.id).state if going else _resting(job)).value] += 1
    except (StoreError, UnknownError):
        return {}
    return found


def _resting(job: Job) -> State:
    """Of a job that nobody works on."""
    if job.wish is RequestedState.CANCEL:
        return State.CANCELLED
    if job.finished_at is None:
        return State.PAUSED
    return State.DONE if job.failure is None else State.FAILED
