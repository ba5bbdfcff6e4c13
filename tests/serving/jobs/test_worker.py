"""Workers complete all jobs, also those that a stopped worker left."""

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.limits import JobLimits
from serving.jobs.errors import LabChangedError
from serving.jobs.job import RequestedState, State
from serving.jobs.repository import JobRepository
from serving.jobs.worker.worker import Worker
from serving.store.store import open_store
from tests.harness.courses.synthetic_lab import COURSE, synthetic_lab
from tests.harness.processes.forking import ForkedProcess, start, wait_until
from tests.harness.stores.exactly_once import assert_exactly_once


def test_all_of_many_jobs_are_completed(backend: Any, worker: Worker, ended: Any) -> None:
    jobs = [backend.add(chunk=4) for _ in range(12)]
    worker.notify(jobs[0])
    assert {ended(backend.jobs, job).state for job in jobs} == {State.DONE}
    assert all(backend.jobs.progress(job.id).graded == 6 for job in jobs)


@pytest.mark.usefixtures("worker")
def test_a_job_without_submissions_is_done_at_once(backend: Any, ended: Any) -> None:
    job = backend.jobs.add("course", backend.known.model_copy(update={"submissions": ()}), actor="ta")
    assert ended(backend.jobs, job).state is State.DONE
    assert backend.jobs.progress(job.id).seconds_left == 0


def test_job_of_a_changed_lab_fails_and_can_be_resumed_after_the_lab_is_restored(
    backend: Any, worker: Worker, ended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(_: object) -> None:
        raise LabChangedError("The lab has changed.")

    with monkeypatch.context() as patch:
        patch.setattr(backend, "lab", changed)
        worker.notify(job := backend.add())
        assert ended(backend.jobs, job).state is State.FAILED
    assert backend.jobs.job(job.id).failure == "The lab has changed."
    worker.notify(again := backend.jobs.request(job.id, RequestedState.RUN, actor="ta"))
    assert ended(backend.jobs, again).state is State.DONE


def test_an_error_of_an_earlier_generation_does_not_fail_a_resumed_job(
    backend: Any, worker: Worker, monkeypatch: pytest.MonkeyPatch, ended: Any
) -> None:
    lab, resumed = backend.lab, threading.Event()

    def changed(job: Any) -> Any:
        if resumed.is_set():
            return lab(job)
        for state in (RequestedState.PAUSE, RequestedState.RUN):
            backend.jobs.request(job.id, state, actor="ta")
        resumed.set()
        raise LabChangedError("The lab has changed.")

    monkeypatch.setattr(backend, "lab", changed)
    worker.notify(job := backend.add())
    assert resumed.wait(20)
    assert ended(backend.jobs, job).state is State.DONE


def test_stopped_worker_leaves_no_thread_and_the_next_one_resumes(backend: Any, ended: Any, quick: JobLimits) -> None:
    before = set(threading.enumerate())
    for _ in range(2):
        worker = Worker(backend, limits=quick)
        worker.start()
        worker.notify(backend.add(chunk=3))
        worker.stop()
    wait_until(lambda: not set(threading.enumerate()) - before, 10)
    worker = Worker(backend, limits=quick)
    worker.start()
    assert [ended(backend.jobs, each).state for each in backend.jobs.all()] == [State.DONE] * 2
    worker.stop()


def test_worker_ignores_cli_jobs(backend: Any, worker: Worker, ended: Any) -> None:
    cli = backend.jobs.add("course", backend.known, actor="terminal:ta", cli=True)
    worker.notify(cli)
    assert ended(backend.jobs, backend.add()).state is State.DONE
    assert backend.jobs.progress(cli.id).state is State.QUEUED


@pytest.mark.usefixtures("worker")
def test_a_job_of_a_restored_backup_is_completed_again(backend: Any, ended: Any) -> None:
    from sqlalchemy import text

    job = backend.add()
    assert ended(backend.jobs, job).state is State.DONE
    with backend.store.database.writing() as connection:
        connection.execute(text("UPDATE jobs SET finished_at = NULL"))
    assert ended(backend.jobs, job).state is State.DONE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["second", "first"], ids=["another name", "the same name"])
def test_chunk_of_a_lost_worker_is_graded_by_another(new_url: Callable[[], str], name: str) -> None:
    url = new_url()
    store, lab = open_store(url), synthetic_lab(40)
    jobs = JobRepository(store.database)
    job = jobs.add(COURSE, lab, actor="test")

    def started(worker: str) -> ForkedProcess:
        options = ["--submissions", 40, "--pace", 0.1]
        process = start("tests.harness.processes.worker_process", url, worker, *options, stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        return process

    running = [started("first")]
    try:
        running.append(started(name))
        time.sleep(1)
        running[0].kill()
        wait_until(lambda: jobs.progress(job.id).state is State.DONE, 60)
        assert_exactly_once(store, job, lab)
    finally:
        for process in running:
            process.kill()
            process.communicate()
        store.close()


@pytest.mark.slow
def test_no_log_line_and_no_failure_names_a_student(
    tmp_path: Any,
    make_lab: Callable[..., Any],
    store: Any,
    new_backend: Any,
    ended: Any,
    quick: JobLimits,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from labs_schema.models import SourceFile

    lab = make_lab(students=3)
    files = (SourceFile(path="ZEBRA-FILE.c", text="int ZEBRA_CODE;"),)
    first = lab.submissions[0].model_copy(update={"student": "ZEBRA-ID", "folder": "ZEBRA-ID@c", "files": files})
    backend = new_backend(lab.model_copy(update={"submissions": (first, *lab.submissions[1:])}))
    backend.poison = {files[0].text}  # its error quotes the program
    worker = Worker(backend, limits=quick)
    worker.start()
    try:
        found = ended(backend.jobs, backend.add())
        assert found.state is State.DONE and len(found.parked) == 1 and "ZEBRA" not in found.parked[0].reason
    finally:
        worker.stop()
        store.forget_student("ZEBRA-ID", actor="admin")
        store.close()
    for path in tmp_path.iterdir():
        assert b"ZEBRA" not in path.read_bytes(), path.name
    seen = capfd.readouterr()
    assert "ZEBRA" not in caplog.text + seen.out + seen.err
