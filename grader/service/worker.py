"""Works on the store's jobs, in a process of its own or beside the service."""

import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from grader.service.local_store import StoreSettings, local_store
from grader.service.one_model import open_engine_thread
from grader.service.registered_courses import open_course_thread
from grader.service.served_courses import served_courses
from labs_schema.errors import GraderError
from serving.courses.served import Courses, labs_of
from serving.engines.engine_choice import EngineName
from serving.jobs.backend import WorkerBackend
from serving.jobs.worker import Worker
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import Store


def run_worker(
    model: str | None,
    labs: Path | None,
    *,
    name: str | None,
    engine: EngineName,
    orders: int | None = None,
    course: str | None = None,
    models: int | None = None,
) -> None:
    """Works on the store's jobs until SIGINT or SIGTERM; `name`, by default the host's, tells workers apart. `model`,
    `course` and `models` as in `run_service`.

    Raises GraderError where the store or the model cannot be used.
    """
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    if model and labs is None:
        raise GraderError("Say where the labs of this model's course are: --labs labs")
    with local_store() as store:
        courses = served_courses(store, model, labs, course, screen)
        if model:
            thread, _ = open_engine_thread(model, engine, orders, 1, screen)
        else:
            thread = open_course_thread(store, engine, orders, models, 1, lambda told: screen.print(escape(told)))
        worker = start_worker(store, courses, thread, name or socket.gethostname())
        served = ", ".join(courses.folders()) or "no course yet"
        screen.print(f"working on jobs of {escape(served)} as [bold]{escape(worker.name)}[/]; Ctrl-C stops")
        with suppress(KeyboardInterrupt):
            _until_told()
        thread.close()
        worker.stop()


def start_worker(store: Store, courses: Courses, thread: EngineThread, name: str) -> Worker:
    desk = WorkerBackend(store, labs_of(courses), thread)
    worker = Worker(desk, StoreSettings().store, name, courses=courses.folders)
    worker.start()
    return worker


def _until_told() -> None:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    told.wait()
