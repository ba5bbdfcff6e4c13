"""A worker without a job's lab leaves the job to the others of its course, and says so where nobody has the lab."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labs_schema.lab_writer import write_lab
from labs_schema.models import Lab
from serving.jobs import workflows
from serving.jobs.backend import WorkerBackend
from serving.jobs.job import RequestedState, State
from serving.jobs.missing_labs import MissingLabs
from serving.jobs.repository import JobRepository
from serving.jobs.worker import Worker
from serving.store.store import Store, open_store

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 0.6)
    monkeypatch.setattr(workflows, "LONGEST_PAUSE", 0.2)
    return 0.6


@pytest.fixture
def folder_desk(grade_of: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Store, Path], WorkerBackend]:
    """Finds its labs in a folder, and grades everything by the first ratings."""

    def at(store: Store, labs: Path) -> WorkerBackend:
        labs.mkdir()
        desk = WorkerBackend(store, labs, None)  # type: ignore[arg-type]
        monkeypatch.setattr(desk, "grade", lambda lab, submissions: [grade_of(lab, each) for each in submissions])
        return desk

    return at


@pytest.fixture
def desk(folder_desk: Callable[[Store, Path], WorkerBackend], store: Store, tmp_path: Path) -> WorkerBackend:
    return folder_desk(store, tmp_path / "labs")


@pytest.fixture
def worker(desk: WorkerBackend, url: str) -> Iterator[Worker]:
    started = Worker(desk, url, dead_seconds=0.6)
    started.start()
    yield started
    started.stop()


def test_the_time_without_a_lab_begins_anew_whenever_somebody_got_on() -> None:
    lacking = MissingLabs()
    assert lacking.seconds("job", 3) == 0.0
    time.sleep(0.01)
    assert lacking.seconds("job", 3) > 0.0
    assert lacking.seconds("job", 4) == lacking.seconds("other", 4) == 0.0
    time.sleep(0.01)
    lacking.forget("job")
    assert lacking.seconds("job", 4) == 0.0


def test_a_lab_that_nobody_has_fails_its_job_once_the_patience_is_over_and_can_be_mended(
    desk: WorkerBackend, worker: Worker, make_lab: Callable[..., Lab], tmp_path: Path, patience: float, ended: Any
) -> None:
    lab = make_lab(students=6)
    began = time.monotonic()
    worker.begin(job := desk.book.add("course", lab, actor="ta", chunk=2))
    assert ended(desk.book, job).state is State.FAILED and time.monotonic() - began >= patience
    assert "'lab1' is not among the labs of any worker" in str(desk.book.job(job.id).failure)
    write_lab(lab, tmp_path / "labs" / "lab1")
    worker.begin(again := desk.book.wish(job.id, RequestedState.RUN, actor="ta"))
    assert ended(desk.book, again).state is State.DONE


ANOTHER = """
import sys, time
sys.path.insert(0, sys.argv[1])
import chaos
from serving.jobs.worker import Worker
from serving.store.store import open_store

_, _, url, name = sys.argv
Worker(chaos.HashDesk(open_store(url), chaos.made_up_lab(64), 0.11), url, name, dead_seconds=0.9).start()
time.sleep(60)
"""


@pytest.mark.slow
def test_a_worker_without_the_lab_leaves_the_job_to_one_that_has_it(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder_desk: Any, ended: Any
) -> None:
    monkeypatch.setattr(workflows, "PATIENCE_SECONDS", 4.0)
    monkeypatch.setattr(workflows, "LONGEST_PAUSE", 0.3)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import chaos

    store = open_store(postgresql_url)
    worker = Worker(folder_desk(store, tmp_path / "labs"), postgresql_url, "without", dead_seconds=0.9)
    command = [sys.executable, "-c", ANOTHER, str(BENCHMARKS), postgresql_url, "with"]
    with subprocess.Popen(command) as another:
        try:
            book, lab = JobRepository(store.database), chaos.made_up_lab(64)
            while len(_living(store)) < 1:
                time.sleep(0.1)
            worker.start()
            began = time.monotonic()
            worker.begin(job := book.add(chaos.COURSE, lab, actor="ta"))
            assert ended(book, job, 30).state is State.DONE, book.job(job.id).failure
            assert time.monotonic() - began > 1.5 * workflows.PATIENCE_SECONDS
            assert chaos.compared(store, lab, job) == {"lost": 0, "doubled": 0, "changed": 0}
            assert book.job(job.id).round > 1  # parts of it had been with the first
        finally:
            another.kill()
            worker.stop()
            store.close()


def _living(store: Store) -> list[str]:
    from sqlalchemy import select

    from serving.jobs.tables import workers

    with store.database.reading() as connection:
        return list(connection.execute(select(workers.c.name)).scalars())
