"""Workers as they are: a queue in a real database, and processes that end without a word."""

import base64
import importlib
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from dbos._dbos import _get_dbos_instance
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.engines.engine import EngineDownError
from serving.jobs import workflows
from serving.jobs.book import JobBook
from serving.jobs.errors import LabChangedError
from serving.jobs.job import Job, State, Wish
from serving.jobs.worker import Worker, beat
from serving.store.store import Store, open_store

CHAOS = Path(__file__).parents[3] / "benchmarks" / "chaos.py"


class QuickDesk:
    """Grades everything `A` at once; `gone` tells that the lab is not what it was."""

    def __init__(self, store: Store, lab: Lab) -> None:
        self.store, self.book, self._lab = store, JobBook(store.database), lab
        self.gone = False

    def lab(self, _: Job | None = None) -> Lab:
        if self.gone:
            raise LabChangedError("The lab has changed.")
        return self._lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        return [grade_of(lab, submission) for submission in submissions]


def grade_of(lab: Lab, submission: Submission) -> Grade:
    source = dict.fromkeys(Provenance.model_fields, "0")
    source |= {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    criteria = tuple(CriterionGrade(criterion=c.title, rating=c.ratings[0].title) for c in lab.criteria)
    return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=Provenance(**source))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def desk(url: str, make_lab: Callable[..., Lab]) -> Iterator[QuickDesk]:
    store = open_store(url)
    yield QuickDesk(store, make_lab(students=6))
    store.close()


@pytest.fixture
def worker(desk: QuickDesk, url: str) -> Iterator[Worker]:
    started = Worker(desk, url, dead_seconds=1)
    started.start()
    yield started
    started.stop()


def state(desk: QuickDesk, job: Job, *, seconds: float = 20) -> State:
    """What becomes of the job."""
    end = time.monotonic() + seconds
    while (now := desk.book.progress(job.id).state) in (State.QUEUED, State.RUNNING) and time.monotonic() < end:
        time.sleep(0.05)
    return now


@pytest.mark.slow
def test_more_jobs_than_the_machine_has_cores_come_to_their_end(desk: QuickDesk, worker: Worker) -> None:
    jobs = [desk.book.add("course", desk.lab(), actor="ta", chunk=4) for _ in range(12)]
    for job in jobs:
        worker.begin(job)
    assert {state(desk, job) for job in jobs} == {State.DONE}
    assert all(desk.book.progress(job.id).graded == 6 for job in jobs)


@pytest.mark.usefixtures("worker")
def test_a_lab_without_submissions_is_done_at_once(desk: QuickDesk) -> None:
    job = desk.book.add("course", desk.lab().model_copy(update={"submissions": ()}), actor="ta")
    assert state(desk, job) is State.DONE
    assert desk.book.progress(job.id).seconds_left == 0


def test_a_job_whose_lab_changed_says_so_and_can_be_resumed_when_it_is_back(desk: QuickDesk, worker: Worker) -> None:
    job = desk.book.add("course", desk.lab(), actor="ta")
    desk.gone = True
    worker.begin(job)
    assert state(desk, job) is State.FAILED
    assert desk.book.job(job.id).failure == "The lab has changed."
    desk.gone = False
    worker.begin(again := desk.book.wish(job.id, Wish.RUN, actor="ta"))
    assert state(desk, again) is State.DONE


def test_a_job_goes_on_by_itself_after_an_outage_that_outlasted_its_patience(
    desk: QuickDesk, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 0.2)
    job, grade = desk.book.add("course", desk.lab(), actor="ta", chunk=3), desk.grade
    tried: list[float] = []

    def down(*_: object) -> list[Grade]:
        tried.append(time.monotonic())
        raise EngineDownError("no server answered")

    monkeypatch.setattr(desk, "grade", down)
    worker.begin(job)
    end = time.monotonic() + 20
    while desk.book.job(job.id).round < 2 and time.monotonic() < end:
        time.sleep(0.05)
    monkeypatch.setattr(desk, "grade", grade)
    assert state(desk, job) is State.DONE
    assert desk.book.job(job.id).round >= 2 and desk.book.progress(job.id).graded == 6
    assert len(tried) < 20


@pytest.mark.parametrize("error", [OperationalError("", None, Exception("gone")), RuntimeError("anything")])
def test_what_the_queue_could_not_write_down_is_taken_up_again(
    desk: QuickDesk, worker: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    queue = _get_dbos_instance()._sys_db
    write, dropped = queue.update_workflow_outcome, []
    job = desk.book.add("course", desk.lab(), actor="ta", chunk=3)

    def away(workflow_id: str, *args: object, **kwargs: object) -> object:
        if not dropped and workflow_id.count(".") == 2:  # a chunk
            dropped.append(workflow_id)
            raise error
        return write(workflow_id, *args, **kwargs)

    monkeypatch.setattr(queue, "update_workflow_outcome", away)
    worker.begin(job)
    assert state(desk, job) is State.DONE
    assert dropped and desk.book.progress(job.id).graded == 6


def test_a_round_that_broke_off_as_the_queue_was_away_is_begun_again(
    desk: QuickDesk, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = _get_dbos_instance()._sys_db
    look, away = queue.list_workflows, iter([True])

    def gone(*args: object, **kwargs: object) -> object:
        if kwargs.get("parent_workflow_id") and next(away, False):
            raise OperationalError("", None, Exception("gone"))
        return look(*args, **kwargs)

    monkeypatch.setattr(queue, "list_workflows", gone)
    worker.begin(job := desk.book.add("course", desk.lab(), actor="ta", chunk=3))
    assert state(desk, job) is State.DONE
    assert desk.book.job(job.id).round == 2 and desk.book.progress(job.id).graded == 6


def test_a_job_that_is_truly_broken_fails_and_names_the_kind(
    desk: QuickDesk, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Job) -> Lab:
        raise PermissionError("/labs/lab/a student's name")

    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(desk, "lab", unreadable)
    worker.begin(job := desk.book.add("course", desk._lab, actor="ta", chunk=3))
    assert state(desk, job) is State.FAILED
    assert desk.book.job(job.id).failure == "2 of 2 parts could not be worked on (PermissionError); resume the job"


def test_a_job_whose_queue_holds_nothing_more_fails_and_does_not_wait_for_ever(desk: QuickDesk, worker: Worker) -> None:
    job = desk.book.add("course", desk.lab(), actor="ta")
    worker.begin(job)
    assert state(desk, job) is State.DONE
    with desk.store.database.writing() as connection:  # as after a restored backup of the store alone
        connection.execute(text("UPDATE jobs SET finished_at = NULL"))
    assert state(desk, job) is State.FAILED
    worker.begin(again := desk.book.wish(job.id, Wish.RUN, actor="ta"))
    assert state(desk, again) is State.DONE


@pytest.mark.usefixtures("worker")
def test_a_worker_outlives_whatever_goes_wrong_in_a_round(desk: QuickDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def broken() -> list[Job]:
        failed.set()
        raise TypeError("anything")

    with monkeypatch.context() as patch:
        patch.setattr(desk.book, "unfinished", broken)
        assert failed.wait(5)
    job = desk.book.add("course", desk.lab(), actor="ta")
    assert state(desk, job) is State.DONE


@pytest.mark.usefixtures("worker")
def test_a_process_is_one_worker(desk: QuickDesk, url: str) -> None:
    with pytest.raises(RuntimeError, match="a worker already"):
        Worker(desk, url, "second").start()


def test_a_worker_that_stopped_leaves_no_thread_and_another_goes_on(desk: QuickDesk, url: str) -> None:
    before = set(threading.enumerate())
    job = None
    for _ in range(2):
        worker = Worker(desk, url, dead_seconds=1)
        worker.start()
        job = desk.book.add("course", desk.lab(), actor="ta", chunk=3)
        worker.begin(job)
        worker.stop()
    end = time.monotonic() + 10
    while (left := set(threading.enumerate()) - before) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left
    worker = Worker(desk, url, dead_seconds=1)
    worker.start()
    assert [state(desk, each) for each in desk.book.all()] == [State.DONE] * 2
    worker.stop()


def test_who_says_nothing_is_struck_off(desk: QuickDesk) -> None:
    database = desk.store.database
    assert beat(database, "a", timedelta(seconds=9)) == {"a"}
    assert beat(database, "b", timedelta(seconds=9)) == {"a", "b"}
    time.sleep(0.02)
    assert beat(database, "b", timedelta(seconds=0.01)) == {"b"}


def test_the_queue_holds_no_student_no_program_and_nothing_that_runs(
    desk: QuickDesk, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Job) -> Lab:
        raise PermissionError(f"/labs/lab/{desk._lab.submissions[0].student}")

    job = desk.book.add("course", desk.lab(), actor="ta")
    monkeypatch.setattr(desk, "lab", unreadable)
    worker.begin(job)
    time.sleep(1)
    queue = b"".join(path.read_bytes() for path in tmp_path.glob("store.db.jobs*"))
    assert job.id.encode() in queue
    for submission in desk._lab.submissions:
        assert submission.student.encode() not in queue
        assert submission.files[0].text.encode() not in queue
    with sqlite3.connect(f"{tmp_path}/store.db.jobs") as connection:
        formats = set(connection.execute("SELECT DISTINCT serialization FROM workflow_status"))
    assert formats == {("portable_json",)}
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("store.db*")} == {0}


class Attack:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(Path(os.environ["ATTACK"]) / "ran"),)


def test_a_pickle_in_the_queue_is_not_opened(
    desk: QuickDesk, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTACK", str(tmp_path))
    job = desk.book.add("course", desk.lab(), actor="ta")
    worker.begin(job)
    assert state(desk, job) is State.DONE
    planted = base64.b64encode(pickle.dumps(Attack())).decode()
    with sqlite3.connect(f"{tmp_path}/store.db.jobs", timeout=10) as connection:
        connection.execute("UPDATE workflow_input SET inputs = ?", (planted,))
        connection.execute("UPDATE workflow_status SET serialization = 'py_pickle', status = 'PENDING'")
        connection.execute("UPDATE workflow_status SET executor_id = 'dead'")
    time.sleep(1)
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize("other", ["second", "first"], ids=["another", "another of its name"])
def test_what_a_worker_did_that_never_comes_back_is_done_by_another(
    new_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.syspath_prepend(str(CHAOS.parent))
    chaos = importlib.import_module("chaos")
    url = new_url()
    store, lab = open_store(url), chaos.made_up_lab(40)
    book = JobBook(store.database)
    job = book.add(chaos.COURSE, lab, actor="test")

    def start(name: str) -> "subprocess.Popen[bytes]":
        given = ["--store", url, "--submissions", "40", "--pace", "0.1", "--be-worker", name]
        process = subprocess.Popen([sys.executable, str(CHAOS), *given], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        return process

    first = start("first")  # it has the job's round, and a chunk of it
    second = None
    try:
        second = start(other)
        time.sleep(1)
        first.kill()
        end = time.monotonic() + 60
        while book.progress(job.id).state is not State.DONE and time.monotonic() < end:
            time.sleep(0.2)
        progress = book.progress(job.id)
        assert (progress.state, progress.graded, progress.parked) == (State.DONE, 40, ())
        assert chaos.compared(store, lab, job) == {"lost": 0, "doubled": 0, "changed": 0}
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.communicate()
        store.close()
