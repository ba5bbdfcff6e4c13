"""A worker outlives what goes wrong: an engine, a queue or a lab that is away, or broken for good."""

import threading
import time
from typing import Any

import pytest
from dbos._dbos import _get_dbos_instance
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from labs_schema.grades import Grade
from labs_schema.models import Lab
from serving.engines.engine import EngineDownError
from serving.jobs import workflows
from serving.jobs.errors import LabChangedError
from serving.jobs.job import Job, RequestedState, State
from serving.jobs.worker import Worker


def test_a_job_goes_on_by_itself_after_an_outage_that_outlasted_its_patience(
    desk: Any, worker: Worker, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 0.2)
    job, grade = desk.add(chunk=3), desk.grade
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
    assert ended(desk.book, job).state is State.DONE
    assert desk.book.job(job.id).round >= 2 and desk.book.progress(job.id).graded == 6
    assert len(tried) < 20


@pytest.mark.parametrize("error", [OperationalError("", None, Exception("gone")), RuntimeError("anything")])
def test_what_the_queue_could_not_write_down_is_taken_up_again(
    desk: Any, worker: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception, ended: Any
) -> None:
    queue = _get_dbos_instance()._sys_db
    write, dropped = queue.update_workflow_outcome, []
    job = desk.add(chunk=3)

    def away(workflow_id: str, *args: object, **kwargs: object) -> object:
        if not dropped and workflow_id.count(".") == 2:  # a chunk
            dropped.append(workflow_id)
            raise error
        return write(workflow_id, *args, **kwargs)

    monkeypatch.setattr(queue, "update_workflow_outcome", away)
    worker.begin(job)
    assert ended(desk.book, job).state is State.DONE
    assert dropped and desk.book.progress(job.id).graded == 6


def test_a_round_that_broke_off_as_the_queue_was_away_is_begun_again(
    desk: Any, worker: Worker, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    queue = _get_dbos_instance()._sys_db
    look, away = queue.list_workflows, iter([True])

    def gone(*args: object, **kwargs: object) -> object:
        if kwargs.get("parent_workflow_id") and next(away, False):
            raise OperationalError("", None, Exception("gone"))
        return look(*args, **kwargs)

    monkeypatch.setattr(queue, "list_workflows", gone)
    worker.begin(job := desk.add(chunk=3))
    assert ended(desk.book, job).state is State.DONE
    assert desk.book.job(job.id).round == 2 and desk.book.progress(job.id).graded == 6


def test_a_job_that_is_truly_broken_fails_and_names_the_kind(
    desk: Any, worker: Worker, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    def unreadable(_: Job) -> Lab:
        raise PermissionError("/labs/lab/a student's name")

    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(desk, "lab", unreadable)
    worker.begin(job := desk.add(chunk=3))
    assert ended(desk.book, job).state is State.FAILED
    assert desk.book.job(job.id).failure == "2 of 2 parts could not be worked on (PermissionError); resume the job"


def test_a_job_whose_queue_holds_nothing_more_fails_and_does_not_wait_for_ever(
    desk: Any, worker: Worker, ended: Any
) -> None:
    job = desk.add()
    worker.begin(job)
    assert ended(desk.book, job).state is State.DONE
    with desk.store.database.writing() as connection:  # as after a restored backup of the store alone
        connection.execute(text("UPDATE jobs SET finished_at = NULL"))
    assert ended(desk.book, job).state is State.FAILED
    worker.begin(again := desk.book.wish(job.id, RequestedState.RUN, actor="ta"))
    assert ended(desk.book, again).state is State.DONE


@pytest.mark.usefixtures("worker")
def test_a_worker_outlives_whatever_goes_wrong_in_a_round(
    desk: Any, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    failed = threading.Event()

    def broken() -> list[Job]:
        failed.set()
        raise TypeError("anything")

    with monkeypatch.context() as patch:
        patch.setattr(desk.book, "unfinished", broken)
        assert failed.wait(5)
    job = desk.add()
    assert ended(desk.book, job).state is State.DONE


def test_what_was_wrong_in_an_earlier_round_does_not_end_the_one_that_a_person_began_since(
    desk: Any, worker: Worker, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    lab, resumed = desk.lab, threading.Event()

    def changed(job: Job) -> Lab:
        if resumed.is_set():
            return lab(job)  # type: ignore[no-any-return]
        for wish in (RequestedState.PAUSE, RequestedState.RUN):
            desk.book.wish(job.id, wish, actor="ta")
        resumed.set()
        raise LabChangedError("The lab has changed.")

    monkeypatch.setattr(desk, "lab", changed)
    worker.begin(job := desk.add())
    assert resumed.wait(20)
    assert ended(desk.book, job).state is State.DONE
