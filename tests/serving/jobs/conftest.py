"""A desk without a model, a worker at it, and what becomes of a job."""

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.courses.errors import ElsewhereError
from serving.jobs.job import Job, Progress, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker import Worker
from serving.store.store import Store


class Killed(BaseException):
    """The process ends here: nothing of ours runs any more."""


class FakeDesk:
    """Grades `known` by the first ratings, with the model called `model`, in `pace` seconds a call; jobs of `courses`
    alone, None for all. Programs that `poison` holds raise, those of `deadly` end the process: `killed`.

    `calls`: how many submissions each call was given; `asked`: the courses of which it was asked for the lab.
    """

    killed = Killed

    def __init__(self, store: Store, known: Lab, courses: set[str] | None = None) -> None:
        self.store, self.book, self.known, self.courses = store, JobRepository(store.database), known, courses
        self.model, self.pace = "0", 0.0
        self.poison, self.deadly = set[str](), set[str]()
        self.calls, self.asked = list[int](), list[str]()

    def lab(self, job: Job) -> Lab:
        self.asked.append(job.course)
        if self.courses is not None and job.course not in self.courses:
            raise ElsewhereError("not here")
        return self.known

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        self.calls.append(len(submissions))
        time.sleep(self.pace)
        texts = {submission.files[0].text for submission in submissions}
        if texts & self.deadly:
            raise self.killed
        if texts & self.poison:
            raise RuntimeError(f"of somebody's program: {texts}")
        return [first_ratings(lab, submission, model_hash=self.model) for submission in submissions]

    def add(self, course: str = "course", chunk: int = 16) -> Job:
        """Begins a job over all that it knows."""
        return self.book.add(course, self.known, actor="ta", chunk=chunk)

    def text(self, number: int) -> str:
        """The program of a submission."""
        return self.known.submissions[number].files[0].text


def first_ratings(lab: Lab, submission: Submission, **source: str) -> Grade:
    hashes = {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    given = Provenance(**{**dict.fromkeys(Provenance.model_fields, "0"), **source, **hashes})
    criteria = tuple(CriterionGrade(criterion=c.title, rating=c.ratings[0].title) for c in lab.criteria)
    return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=given)


@pytest.fixture
def grade_of() -> Callable[..., Grade]:
    """`grade_of(lab, submission, model_hash="1")`: the first rating of each criterion, by such a provenance."""
    return first_ratings


@pytest.fixture
def url(tmp_path: object) -> str:
    """Of `store`."""
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def new_desk(store: Store) -> Callable[..., FakeDesk]:
    """`new_desk(lab, courses={"cs101"})`: one more."""
    return lambda lab, courses=None: FakeDesk(store, lab, courses)


@pytest.fixture
def desk(new_desk: Callable[..., FakeDesk], make_lab: Callable[..., Lab]) -> FakeDesk:
    """Of a lab of six submissions."""
    return new_desk(make_lab(students=6))


@pytest.fixture
def worker(desk: FakeDesk, url: str) -> Iterator[Worker]:
    """At `desk`."""
    courses = desk.courses
    started = Worker(desk, url, courses=None if courses is None else lambda: courses, dead_seconds=1)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def ended() -> Callable[..., Progress]:
    """`ended(book, job, seconds=20)`: how far the job is once it neither waits nor goes on, or after so long."""

    def ended(book: JobRepository, job: Job, seconds: float = 20) -> Progress:
        end = time.monotonic() + seconds
        while (now := book.progress(job.id)).state in (State.QUEUED, State.RUNNING) and time.monotonic() < end:
            time.sleep(0.05)
        return now

    return ended
