"""A job regrades a lab: its record, its states and its progress."""

from enum import StrEnum

from pydantic import Field

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_hash, observations_hash, rubric_hash, submission_hash
from labs_schema.limits import JobLimits
from labs_schema.models import NO_SUBMISSION, Lab, Submission


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"
    FAILED = "failed"


class RequestedState(StrEnum):
    """The state that a person last requested of a job."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


class Job(Frozen):
    """A row of the job table. `lab` is the name of a lab folder; `work` is the hash of its contents at creation.

    A job has `total` students. Their submissions are graded `chunk` at a time; group work is one submission.
    `generation` is 1 and grows with every resume. `cli`: `grader regrade` grades the job, no worker does.
    `fingerprint`: see `serving.jobs.fingerprint`; None before the first grade. `warnings`: those of the lab, code ->
    count.
    """

    id: str
    at: str
    actor: str
    course: str
    lab: str
    work: str
    total: int = 0
    chunk: int = JobLimits().chunk_submissions
    generation: int = 1
    requested: RequestedState = RequestedState.RUN
    failure: str | None = None
    finished_at: str | None = None
    cli: bool
    fingerprint: str | None
    warnings: dict[str, int] = Field(default_factory=dict)

    @property
    def chunks(self) -> int:
        return -(-self.total // self.chunk)


class Parked(Frozen):
    """A student without a grade, by pseudonym, and the reason.

    `code`: why there is no readable program (`UnreadableSubmission`); None if the job gave up after repeated failures.
    """

    student: str
    reason: str
    code: str | None = None


class Progress(Frozen):
    """`graded` + parked of the `job.total` students are settled. `seconds_left`: None while there is no estimate.

    `parked` starts with the students without a readable program.
    """

    job: Job
    state: State
    graded: int
    parked: tuple[Parked, ...]
    seconds_left: float | None


def work_hash(lab: Lab) -> str:
    """The hash of what a job grades: the rubric, and every submission with its students and observations, readable or
    not."""
    unreadable = [[each.student, each.code] for each in lab.unreadable if each.code != NO_SUBMISSION]
    submissions = [[s.students, submission_hash(s), *_observed(s)] for s in lab.submissions]
    return canonical_hash([rubric_hash(lab), submissions, unreadable])


def _observed(submission: Submission) -> list[str]:
    found = observations_hash(submission)
    return [found] if found else []
