"""A backend without a model, a worker with it, and waiting for the end of a job."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.limits import JobLimits
from labs_schema.models import Lab, Submission
from serving.courses.errors import ElsewhereError
from serving.grading.retries import Outcome, grade_isolated
from serving.jobs.job import Job, Progress, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker.worker import Worker
from serving.store.store import Store

QUICK = JobLimits(
    poll_seconds=0.1, dead_seconds=1, pause_seconds=0.1, longest_pause_seconds=0.2, stalled_seconds=0.6, stop_seconds=1
)


class Killed(BaseException):
    """The process ends here."""


class FakeBackend:
    """Grades `known` by the first ratings, with the model named `model`, in `pace` seconds a call; only jobs of
    `courses`, None for all. Programs in `poison` raise an error, those in `deadly` end the process: `killed`.

    `calls`: the number of submissions of each call; `requested`: the courses whose lab was requested.
    """

    killed = Killed

    def __init__(self, store: Store, known: Lab, courses: set[str] | None = None) -> None:
        self.store, self.jobs, self.known, self.courses = store, JobRepository(store.database), known, courses
        self.model, self.pace = "0", 0.0
        self.poison, self.deadly = set[str](), set[str]()
        self.calls, self.requested = list[int](), list[str]()

    def lab(self, job: Job) -> Lab:
        self.requested.append(job.course)
        if self.courses is not None and job.course not in self.courses:
            raise ElsewhereError("not here")
        return self.known

    def observe(self, job: Job, submissions: Sequence[Submission]) -> list[Submission]:  # noqa: ARG002
        return [*submissions]

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        return grade_isolated(partial(self.grade_batch, lab), submissions)

    def grade_batch(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        self.calls.append(len(submissions))
        time.sleep(self.pace)
        texts = {submission.files[0].text for submission in submissions}
        if texts & self.deadly:
            raise self.killed
        if texts & self.poison:
            raise RuntimeError(f"of a student's program: {texts}")
        return [first_ratings(lab, submission, model_hash=self.model) for submission in submissions]

    def add(self, course: str = "course", chunk: int = 16) -> Job:
        """Creates a job over the complete lab."""
        return self.jobs.add(course, self.known, actor="ta", chunk=chunk)

    def text(self, number: int) -> str:
        """The program of a submission."""
        return self.known.submissions[number].files[0].text


def first_ratings(lab: Lab, submission: Submission, **source: str) -> Grade:
    hashes = {
        "rubric_hash": rubric_hash(lab),
        "submission_hash": submission_hash(submission),
        "observations_hash": None,
    }
    given = Provenance(**{**dict.fromkeys(Provenance.model_fields, "0"), **source, **hashes})
    criteria = tuple(CriterionGrade(criterion=c.title, rating=c.ratings[0].title) for c in lab.criteria)
    return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=given)


@pytest.fixture
def grade_of() -> Callable[..., Grade]:
    """`grade_of(lab, submission, model_hash="1")`: the first rating of each criterion, with such a provenance."""
    return first_ratings


@pytest.fixture
def quick() -> JobLimits:
    """Short pauses and timeouts."""
    return QUICK


@pytest.fixture
def url(tmp_path: object) -> str:
    """The URL of `store`."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def new_backend(store: Store) -> Callable[..., FakeBackend]:
    """`new_backend(lab, courses={"cs101"})`: another one."""
    return lambda lab, courses=None: FakeBackend(store, lab, courses)


@pytest.fixture
def backend(new_backend: Callable[..., FakeBackend], make_lab: Callable[..., Lab]) -> FakeBackend:
    """With a lab of six submissions."""
    return new_backend(make_lab(students=6))


@pytest.fixture
def worker(backend: FakeBackend) -> Iterator[Worker]:
    """With `backend`."""
    courses = backend.courses
    started = Worker(backend, courses=None if courses is None else lambda: courses, limits=QUICK)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def ended() -> Callable[..., Progress]:
    """`ended(jobs, job, seconds=20)`: the progress of the job once it is neither queued nor running, or after so
    long."""

    def ended(jobs: JobRepository, job: Job, seconds: float = 20) -> Progress:
        end = time.monotonic() + seconds
        while (now := jobs.progress(job.id)).state in (State.QUEUED, State.RUNNING) and time.monotonic() < end:
            time.sleep(0.05)
        return now

    return ended
