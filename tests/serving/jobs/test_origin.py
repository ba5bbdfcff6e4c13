"""A job's grades are all of one model: the first ones decide, others are refused by name, and the same one goes on."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.jobs.book import JobBook
from serving.jobs.chunk import grade_chunk
from serving.jobs.errors import OtherModelError
from serving.jobs.job import Job, Progress, State, Wish
from serving.jobs.worker import Worker
from serving.store.store import Store, open_store


class ModelDesk:
    """Grades everything `A` with the model called `model`."""

    def __init__(self, store: Store, lab: Lab, model: str) -> None:
        self.store, self.book, self._lab, self.model = store, JobBook(store.database), lab, model

    def lab(self, _: Job) -> Lab:
        return self._lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        return [self._grade(lab, submission) for submission in submissions]

    def _grade(self, lab: Lab, submission: Submission) -> Grade:
        source = {**dict.fromkeys(Provenance.model_fields, "0"), "model_hash": 16 * self.model}
        source |= {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
        criteria = tuple(CriterionGrade(criterion=c.title, rating=c.ratings[0].title) for c in lab.criteria)
        return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=Provenance(**source))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def test_another_models_grades_are_not_put_beside_those_of_the_first_and_nobody_is_blamed(
    store: Store, make_lab: Callable[..., Lab]
) -> None:
    lab = make_lab(students=6)
    first, other = ModelDesk(store, lab, "1111"), ModelDesk(store, lab, "2222")
    job = first.book.add("course", lab, actor="ta", chunk=2)
    assert job.origin is None
    grade_chunk(first, job.id, 0)
    for _ in range(3):
        with pytest.raises(OtherModelError, match="has model_hash 222222222222, not 111111111111"):
            grade_chunk(other, job.id, 1)
    before = first.book.progress(job.id)
    assert (before.graded, before.parked) == (2, ())
    for chunk in (0, 1, 2):
        grade_chunk(ModelDesk(store, lab, "1111"), job.id, chunk)
    models = {stored.grade.provenance.model_hash[-4:] for stored in store.recorded(job.id) if stored.grade}
    assert (first.book.progress(job.id).graded, models) == (6, {"1111"})


@pytest.mark.slow
def test_a_worker_with_another_model_fails_the_job_in_words_and_the_first_model_can_resume_it(
    store: Store, make_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = make_lab(students=6)
    first = ModelDesk(store, lab, "1111")
    desk = ModelDesk(store, lab, "2222")
    job = first.book.add("course", lab, actor="ta", chunk=2)
    grade_chunk(first, job.id, 0)
    worker = Worker(desk, f"sqlite:///{tmp_path}/store.db", dead_seconds=1)
    worker.start()
    try:
        failed = _ended(desk, job)
        assert failed.state is State.FAILED and failed.graded == 2
        assert failed.job.failure and "model_hash" in failed.job.failure
        desk.model = "1111"
        worker.begin(desk.book.wish(job.id, Wish.RUN, actor="ta"))
        done = _ended(desk, job)
        assert (done.state, done.graded, done.parked) == (State.DONE, 6, ())
    finally:
        worker.stop()


def test_a_worker_leaves_a_job_of_a_terminal_alone(
    store: Store, make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, started = ModelDesk(store, make_lab(students=2), "1111"), list[Job]()
    monkeypatch.setattr("serving.jobs.workflows.start", started.append)
    ours = desk.book.add("course", make_lab(students=2), actor="terminal:ta", at_terminal=True)
    theirs = desk.book.add("course", make_lab(students=2), actor="ta")
    worker = Worker(desk, "sqlite:///not-used.db")
    for job in (ours, theirs):  # as the service does when a person begins or resumes it
        worker.begin(job)
    assert started == desk.book.unfinished() == [theirs]


def _ended(desk: ModelDesk, job: Job) -> Progress:
    end = time.monotonic() + 20
    while (now := desk.book.progress(job.id)).state in (State.QUEUED, State.RUNNING) and time.monotonic() < end:
        time.sleep(0.05)
    return now
