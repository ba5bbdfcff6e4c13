"""A CLI regrade without its command: a grader without a model, local or remote, and the steps of the command."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.grading.retries import PROBE
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.in_process.cli_jobs import find_or_create, grade_jobs
from serving.jobs.in_process.sources import fingerprint_from, grade_from
from serving.jobs.job import Job, RequestedState
from serving.jobs.job_lock import job_lock
from serving.jobs.repository import JobRepository
from serving.jobs.results.export import export
from serving.store.store import Store, open_store


class Killed(BaseException):
    """Simulates SIGKILL: nothing catches it."""


class SteadyGrader:
    """Gives every criterion its first rating. Raises `killed` after `lives` calls, and an error for texts in `poison`.

    `graded` lists the texts of all graded programs.
    """

    killed = Killed

    def __init__(self, *, model: str = "m", lives: int = 1000, poison: Sequence[str] = ()) -> None:
        self.model, self.lives, self.poison = model, lives, poison
        self.graded: list[str] = []

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        assert not reasoning and not lab.name.startswith("s0")
        if not self.lives:
            raise self.killed
        self.lives -= 1
        texts = [submission.files[0].text for submission in submissions]
        if any(word in text for word in self.poison for text in texts):
            raise RuntimeError("a student's program")
        self.graded += [text for text in texts if text != PROBE.files[0].text]
        return [self._grade(lab, submission) for submission in submissions]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        names = {
            **dict.fromkeys(Provenance.model_fields, "0"),
            "base_model": self.model,
            "settings_hash": str(reasoning),
        }
        return Provenance(
            **names
            | {
                "rubric_hash": rubric_hash(lab),
                "submission_hash": submission_hash(submission),
                "observations_hash": None,
            }
        )

    def _grade(self, lab: Lab, submission: Submission) -> Grade:
        criteria = tuple(
            CriterionGrade(criterion=c.title, rating="A", probabilities={"A": 0.9, "B": 0.1}) for c in lab.criteria
        )
        origin = self.provenance(lab, submission)
        return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=origin)


class FakeRemoteSource:
    """Returns the grades in reverse order, each of them twice. `requested`: the labs it was sent."""

    def __init__(self, grader: SteadyGrader) -> None:
        self.grader, self.requested = grader, list[Lab]()

    def grades(self, labs: Sequence[Lab]) -> Iterator[list[Grade]]:
        self.requested += labs
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


def regrade(
    store: Store,
    lab: Lab,
    out: Path | None,
    grader: SteadyGrader,
    *,
    course: str = "cs101",
    remote: bool = False,
    again: bool = False,
) -> Job:
    """Runs the steps of `grader regrade`; without `out`, stops before the export."""
    jobs, source = JobRepository(store.database), FakeRemoteSource(grader)
    known = jobs.cli_jobs(course, lab)
    if remote:
        origin = fingerprint_from(source, lab) if any(job.fingerprint for job in known) else None
    else:
        origin = fingerprint_of(grader.provenance(lab, PROBE))
    job = find_or_create(store, course, lab, known, origin, again=again, actor="terminal:ta")
    with job_lock(store.database, [job.id]):
        job = jobs.request(job.id, RequestedState.RUN, actor="terminal:ta")
        tasks = {} if job.finished_at else {lab.name: (job, lab)}
        if remote:
            grade_from(source, store, tasks, lambda _: None)
        else:
            grade_jobs(grader, store, tasks, lambda _: None)
        if out:
            export(store, job, lab, out)
            jobs.finish(job)
    return job


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    add = JobRepository.add
    monkeypatch.setattr(JobRepository, "add", lambda *args, **options: add(*args, **{**options, "chunk": 2}))


@pytest.fixture(name="steady")
def steady_grader() -> type[SteadyGrader]:
    """The class SteadyGrader."""
    return SteadyGrader


@pytest.fixture(name="remote_source")
def fake_remote_source() -> type[FakeRemoteSource]:
    """The class FakeRemoteSource."""
    return FakeRemoteSource


@pytest.fixture(name="regrade")
def regrade_command() -> Callable[..., Job]:
    """The function `regrade(store, lab, out, grader, course="cs101", remote=False, again=False)`."""
    return regrade
