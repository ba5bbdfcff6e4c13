"""A served course: labs on disk, a store, the fake grader, and jobs that run on a thread."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.api.schemas.problems import PROBLEM_JSON, PROBLEMS
from serving.api.service import ServiceOptions
from serving.courses.lab_registry import LabRegistry, read_registry
from serving.courses.served import OneCourse
from serving.jobs.chunk import SYSTEM_ERRORS, grade_chunk
from serving.jobs.job import Job, RequestedState
from serving.jobs.worker.backend import WorkerBackend
from serving.scheduler.engine_thread import EngineThread
from serving.store.access.roles import Role
from serving.store.store import open_store
from tests.harness.courses.lab_folders import write_lab

COURSE = "cs101"
UNLIMITED = "100000/second"


class CourseSetup:
    """`serve` returns a client of a new service over the same labs and store, as after a restart.

    With `run_jobs=False` its jobs stay queued. `threads` are those of the jobs that were started.
    """

    def __init__(self, store: Any, labs: Path, open_grader: Callable[[], Any]) -> None:
        self.store, self.labs, self._open_grader = store, labs, open_grader
        self.threads: list[threading.Thread] = []
        self._engines: list[EngineThread] = []

    def serve(
        self, *, capacity: int = 64, run_jobs: bool = True, name: str = COURSE, telemetry: Any = None, **options: Any
    ) -> TestClient:
        engine = EngineThread(self._open_grader, capacity=capacity)
        self._engines.append(engine)
        backend = WorkerBackend(self.store, self.labs, engine)
        app = create_app(
            engine,
            OneCourse(name, read_registry(self.labs)[0], self.labs),
            self.store,
            ServiceOptions(**{"rate": UNLIMITED, **options}),
            start_job=(lambda job: self._start(backend, job)) if run_jobs else (lambda _: None),
            telemetry=telemetry,
        )
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

    def _start(self, backend: WorkerBackend, job: Job) -> None:
        self.threads.append(threading.Thread(target=_run_job, args=(backend, job)))
        self.threads[-1].start()


def _run_job(backend: WorkerBackend, job: Job) -> None:
    """Runs a job on this thread, as a worker does. A failing engine leaves the job unfinished."""
    try:
        for number in range(job.chunks):
            grade_chunk(backend, job.id, number)
    except SYSTEM_ERRORS:
        return
    now = backend.jobs.job(job.id)
    if now.requested is RequestedState.RUN and now.generation == job.generation:
        backend.jobs.finish(job)


@pytest.fixture
def store_anywhere(new_url: Callable[[], str]) -> Iterator[Any]:
    """A store in SQLite and in PostgreSQL, for tests that depend on the database's behaviour."""
    store = open_store(new_url())
    yield store
    store.close()


@pytest.fixture
def course(store: Any, tmp_path: Path, make_lab: Callable[..., Any], fake_grader: Any) -> Iterator[CourseSetup]:
    write_lab(make_lab(), tmp_path / "labs" / "lab1")
    course = CourseSetup(store, tmp_path / "labs", lambda: fake_grader)
    yield course
    course.close()


@pytest.fixture
def new_app(make_lab: Callable[..., Any], store: Any) -> Callable[..., Any]:
    """An app over an engine thread, with the lab `lab1` and without keys; keyword arguments are service options."""

    def build(engine: EngineThread, **options: Any) -> Any:
        courses = OneCourse("course", LabRegistry([make_lab()]))
        return create_app(engine, courses, store, ServiceOptions(**{"rate": UNLIMITED, **options}))

    return build


@pytest.fixture
def client(fake_grader: Any, new_app: Callable[..., Any]) -> Iterator[TestClient]:
    """A client of a service with the fake grader and without keys."""
    app = new_app(EngineThread(lambda: fake_grader, capacity=4), timeout_seconds=5)
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def problem() -> Callable[[Any, str], dict[str, Any]]:
    """Checks that a response is the problem with this code; returns its body."""

    def check(response: Any, code: str) -> dict[str, Any]:
        kind = PROBLEMS[code]
        assert (response.status_code, response.headers["content-type"]) == (kind.status, PROBLEM_JSON), response.text
        body: dict[str, Any] = response.json()
        assert (body["code"], body["status"], body["type"]) == (code, kind.status, kind.uri)
        assert (body["title"], body["hint"]) == (kind.title, kind.hint) and body["detail"]
        return body

    return check
