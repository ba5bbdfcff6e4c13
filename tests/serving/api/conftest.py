"""A course that is served: labs on disk, a store, the fake grader, and jobs that are worked on by a thread."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from labs_schema.lab_writer import write_lab
from serving.api.app import create_app
from serving.courses.lab_registry import LabRegistry, read_registry
from serving.jobs.backend import WorkerBackend
from serving.jobs.chunk import grade_chunk
from serving.jobs.job import Job, RequestedState
from serving.scheduler.engine_thread import EngineThread
from serving.store.roles import Role
from serving.store.store import open_store

COURSE = "cs101"


class Course:
    """`serve` gives a client of a new service over the same labs and store, as after a restart; `queue_up` False
    leaves its jobs waiting."""

    def __init__(self, store: Any, labs: Path, open_grader: Callable[[], Any]) -> None:
        self.store, self.labs, self._open_grader = store, labs, open_grader
        self.threads: list[threading.Thread] = []
        self._engines: list[EngineThread] = []

    def serve(self, *, waiting: int = 64, queue_up: bool = True, **given: Any) -> TestClient:
        engine = EngineThread(self._open_grader, capacity=waiting)
        self._engines.append(engine)
        desk = WorkerBackend(self.store, self.labs, engine)
        begin = (lambda job: self._begin(desk, job)) if queue_up else (lambda _: None)
        given = {"course": COURSE, "rate": "100000/second", "begin": begin, **given}
        app = create_app(engine, read_registry(self.labs)[0], self.store, **given)
        return TestClient(app, "http://localhost", raise_server_exceptions=False)

    def key(self, role: str, course: str | None = COURSE) -> dict[str, str]:
        """A header with a new key."""
        token, _ = self.store.create_key(role, Role(role), course, actor="test")
        return {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        for engine in self._engines:
            engine.close()
        for thread in self.threads:
            thread.join(10)

    def _begin(self, desk: WorkerBackend, job: Job) -> None:
        self.threads.append(threading.Thread(target=_work, args=(desk, job)))
        self.threads[-1].start()


def _work(desk: WorkerBackend, job: Job) -> None:
    """What the queue does, in one thread."""
    for number in range(job.chunks):
        grade_chunk(desk, job.id, number)
    now = desk.book.job(job.id)
    if now.wish is RequestedState.RUN and now.round == job.round:
        desk.book.finish(job)


@pytest.fixture
def store_anywhere(new_url: Callable[[], str]) -> Iterator[Any]:
    """A store in either kind of database, for what leans on what a database does."""
    store = open_store(new_url())
    yield store
    store.close()


@pytest.fixture
def course(store: Any, tmp_path: Path, make_lab: Callable[..., Any], fake_grader: Any) -> Iterator[Course]:
    write_lab(make_lab(), tmp_path / "labs" / "lab1")
    course = Course(store, tmp_path / "labs", lambda: fake_grader)
    yield course
    course.close()


@pytest.fixture
def client(fake_grader: Any, make_lab: Callable[..., Any], store: Any) -> Iterator[TestClient]:
    """Of a service with one lab and the fake grader, open to anybody."""
    engine = EngineThread(lambda: fake_grader, capacity=4)
    app = create_app(engine, LabRegistry([make_lab()]), store, seconds=5, rate="100000/second")
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def problem() -> Callable[[Any, int, str], dict[str, Any]]:
    """The problem details of an answer, after looking that it is one of this status and kind."""

    def looked_at(answer: Any, status: int, kind: str) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        body: dict[str, Any] = answer.json()
        assert (body["type"], body["status"]) == (f"urn:grader:{kind}", status)
        assert body["title"] and body["detail"]
        return body

    return looked_at
