"""Processes the store's jobs, in a process of its own or inside the service."""

import signal
import socket
import threading
from contextlib import suppress

from rich.console import Console
from rich.markup import escape

from grader.service.courses import served_courses
from grader.service.engine import ModelOptions, open_engine
from grader.service.local_store import local_store
from grader.service.outbound import sending_webhooks
from grader.terminal import show
from labs_schema.errors import GraderError
from serving.courses.served import Courses, labs_of
from serving.jobs.worker.backend import WorkerBackend
from serving.jobs.worker.worker import Worker
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import Store


def run_worker(options: ModelOptions, name: str | None) -> None:
    """Processes jobs until SIGINT or SIGTERM. `name` must be unique among workers; by default the host name.

    Raises GraderError if the store or the model cannot be used.
    """
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    if options.model and options.labs is None:
        raise GraderError("--model requires --labs, the folder of its course's labs.", code="missing-option")
    with local_store() as store:
        courses = served_courses(store, options, screen)
        thread = open_engine(store, options, screen, report=lambda line: screen.print(escape(line))).thread
        worker = start_worker(store, courses, thread, name or socket.gethostname())
        served = ", ".join(courses.folders()) or "no course yet"
        screen.print(f"processing jobs of {escape(served)} as [bold]{escape(worker.name)}[/]; stop with Ctrl-C")
        show({"worker": worker.name, "courses": list(courses.folders())})
        with suppress(KeyboardInterrupt), sending_webhooks(store):
            wait_for_sigterm(threading.Event())
        thread.close()
        worker.stop()


def start_worker(store: Store, courses: Courses, thread: EngineThread, name: str) -> Worker:
    worker = Worker(WorkerBackend(store, labs_of(courses), thread), name, courses=courses.folders)
    worker.start()
    return worker


def wait_for_sigterm(stopped: threading.Event) -> None:
    """Waits until `stopped` is set; SIGTERM sets it, too."""
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
