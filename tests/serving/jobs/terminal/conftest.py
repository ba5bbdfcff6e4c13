"""A regrade as it is typed at a terminal: a model that is not there, here or far away, and what the command does."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.grading.retries import PROBE
from serving.jobs.cli_jobs import find_or_create, grade_jobs
from serving.jobs.export import export
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.job import Job, RequestedState
from serving.jobs.job_lock import job_lock
from serving.jobs.repository import JobRepository
from serving.jobs.sources import fingerprint_from, grade_from
from serving.store.store import Store, open_store


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class SteadyGrader:
    """Gives every criterion its first rating. Raises `killed` after `lives` calls, and for what `poison` names."""

    killed = Killed

    def __init__(self, *, model: str = "m", lives: int = 1000, poison: Sequence[str] = ()) -> None:
        self.model, self.lives, self.poison = model, lives, poison
        self.asked: list[str] = []

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        assert not reasoning and not lab.name.startswith("s0")
        if not self.lives:
            raise self.killed
        self.lives -= 1
        texts = [submission.files[0].text for submission in submissions]
        if any(word in text for word in self.poison for text in texts):
            raise RuntimeError("somebody's program")
        self.asked += [text for text in texts if text != PROBE.files[0].text]
        return [self._grade(lab, submission) for submission in submissions]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        names = {
            **dict.fromkeys(Provenance.model_fields, "0"),
            "base_model": self.model,
            "settings_hash": str(reasoning),
        }
        return Provenance(**names | {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)})

    def _grade(self, lab: Lab, submission: Submission) -> Grade:
        criteria = tuple(
            CriterionGrade(criterion=c.title, rating="A", probabilities={"A": 0.9, "B": 0.1}) for c in lab.criteria
        )
        origin = self.provenance(lab, submission)
        return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=origin)


class FarSource:
    """Grades from afar, in another order than they were asked for; the last of each part comes twice."""

    def __init__(self, grader: SteadyGrader) -> None:
        self.grader, self.asked = grader, list[Lab]()

    def grades(self, labs: Sequence[Lab]) -> Iterator[list[Grade]]:
        self.asked += labs
        for lab in reversed(labs):
            for submission in reversed(lab.submissions):
                [grade] = self.grader.grade(lab, [submission])
                yield [grade]
                yield [grade]


@pytest.fixture
def store(new_url: Callable[[], str]) -> Iterator[Store]:
    opened = open_store(new_url())
    yield opened
    opened.close()


def typed(
    store: Store,
    lab: Lab,
    out: Path | None,
    grader: SteadyGrader,
    *,
    course: str = "cs101",
    afar: bool = False,
    again: bool = False,
) -> Job:
    """What the command does; without `out`, stopped before it writes."""
    book, source = JobRepository(store.database), FarSource(grader)
    known = book.cli_jobs(course, lab)
    if afar:
        origin = fingerprint_from(source, lab) if any(job.fingerprint for job in known) else None
    else:
        origin = fingerprint_of(grader.provenance(lab, PROBE))
    job = find_or_create(store, course, lab, known, origin, again=again, actor="terminal:ta")
    with job_lock(store.database, [job.id]):
        job = book.request(job.id, RequestedState.RUN, actor="terminal:ta")
        tasks = {} if job.finished_at else {lab.name: (job, lab)}
        if afar:
            grade_from(source, store, tasks, lambda _: None)
        else:
            grade_jobs(grader, store, tasks, lambda _: None)
        if out:
            export(store, job, lab, out)
            book.finish(job)
    return job


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    add = JobRepository.add
    monkeypatch.setattr(JobRepository, "add", lambda *given, **how: add(*given, **{**how, "chunk": 2}))


@pytest.fixture(name="steady")
def steady_grader() -> type[SteadyGrader]:
    """A model; see there."""
    return SteadyGrader


@pytest.fixture
def far() -> type[FarSource]:
    """A model far away; see there."""
    return FarSource


@pytest.fixture(name="typed")
def typed_command() -> Callable[..., Job]:
    """`typed(store, lab, out, grader, course="cs101", afar=False, again=False)`; see there."""
    return typed
