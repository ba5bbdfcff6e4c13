"""What a job is: the regrade of a lab, as it was asked for and as it stands. Knows no database and no queue."""

from enum import StrEnum

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, rubric_hash, submission_hash
from labs_schema.models import Lab


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"
    FAILED = "failed"


class RequestedState(StrEnum):
    """What a person last asked of a job."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


class Job(Frozen):
    """A job as it was asked for. `lab` names a lab folder of every worker; `work` is the hash of what was in it.

    `total` submissions, `chunk` of them at a time. `round` counts how often it was begun: once, and once more for every
    time it was resumed or went on by itself after an outage. `at_terminal`: `grader regrade` works on it, no worker.
    `origin`: what its grades are given with, see `serving.jobs.origin`; None until the first is there.
    """

    id: str
    at: str
    actor: str
    course: str
    lab: str
    work: str
    total: int
    chunk: int
    round: int
    wish: RequestedState
    failure: str | None
    finished_at: str | None
    at_terminal: bool
    origin: str | None

    @property
    def chunks(self) -> int:
        return -(-self.total // self.chunk)


class Parked(Frozen):
    """A submission that the job gave up on, by its pseudonym, and why."""

    student: str
    reason: str


class Progress(Frozen):
    """`graded` + parked of `job.total` are settled. `seconds_left`: None where nothing can be said yet."""

    job: Job
    state: State
    graded: int
    parked: tuple[Parked, ...]
    seconds_left: float | None


def work_hash(lab: Lab) -> str:
    """Of the rubric and of every submission with its student: what a job grades."""
    return canonical_hash([rubric_hash(lab), [[s.student, submission_hash(s)] for s in lab.submissions]])
