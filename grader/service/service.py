"""Puts the service together and runs it: courses, a store, a model on its thread, HTTP and jobs over them."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from grader.service.local_store import local_store
from grader.service.one_model import open_engine_thread
from grader.service.registered_courses import open_course_thread
from grader.service.served_courses import served_courses
from grader.service.worker import start_worker
from labs_schema.errors import GraderError
from labs_schema.limits import LabLimits
from serving.api.app import create_app, leave_to_workers
from serving.api.middleware.access_log import log_model, log_to_stderr
from serving.api.middleware.loopback_only import is_loopback
from serving.api.server import server
from serving.api.service import ServiceOptions
from serving.engines.engine_choice import EngineName
from serving.jobs.repository import JobRepository
from serving.observability.metrics import Metrics
from serving.observability.telemetry import Telemetry
from serving.observability.tracing import open_tracing
from serving.store.store import Store


def run_service(
    model: str | None,
    labs: Path | None,
    *,
    host: str,
    port: int,
    engine: EngineName,
    queue: int,
    seconds: float,
    rate: str,
    orders: int | None = None,
    course: str | None = None,
    models: int | None = None,
    jobs: bool = True,
) -> None:
    """Serves until SIGINT or SIGTERM. `seconds`: how long a request may wait for its grade. `orders` of the
    ratings to ask in: by default the model's own. `jobs`: whether this process works on them too.

    With a `model`, one course is served: `course`, by default the name of the folder `labs`. Without, all that are
    registered in the store, of whose models `models` may be open at a time.

    Raises GraderError where the address is taken, where other machines could call without a key, or where the store,
    the labs or the model cannot be used.
    """
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    with local_store() as store, _address(host, port) as address:
        _guarded(store, host, screen)
        courses = served_courses(store, model, labs, course, screen)
        observed = Telemetry(Metrics(), open_tracing())
        observed.metrics.watch_jobs(JobRepository(store.database))
        characters, serving = LabLimits().submission_bytes, threading.Event()
        if model:
            thread, characters = open_engine_thread(model, engine, orders, queue, screen, observed)
        else:
            thread = open_course_thread(store, engine, orders, models, queue, _told(screen, serving), observed)
            observed.metrics.watch_courses(courses.names)
        works = jobs and (labs or not model)
        worker = start_worker(store, courses, thread, f"{socket.gethostname()}:{port}") if works else None
        options = ServiceOptions(timeout_seconds=seconds, rate=rate, max_chars=characters)
        start_job = worker.begin if worker else leave_to_workers
        app = create_app(thread, courses, store, options, start_job=start_job, telemetry=observed)
        url = f"http://{host}:{address.getsockname()[1]}"
        told = f"serving on [bold]{url}[/], described at {url}/docs; Ctrl-C stops"
        log_to_stderr()
        serving.set()
        with suppress(KeyboardInterrupt):
            try:
                stopping = app.state.service.stopping
                server(app, stopping, ready=lambda: screen.print(told)).run(sockets=[address])
            finally:
                if worker:
                    worker.stop()


def _told(screen: Console, serving: threading.Event) -> Callable[[str], None]:
    """To the screen; once the log is written there, into the log."""
    return lambda told: log_model(told) if serving.is_set() else screen.print(escape(told))


def _guarded(store: Store, host: str, screen: Console) -> None:
    """Raises GraderError where the service would be open to other machines."""
    if store.list_keys():
        return
    make = "grader keys create NAME --role platform|ta|admin"
    if not is_loopback(host):
        raise GraderError(f"Without a key, {host} would be open to everybody who reaches it. Make one first: {make}")
    screen.print(f"[yellow]no keys[/]: whoever is on this machine may do everything. To change that: {escape(make)}")


def _address(host: str, port: int) -> socket.socket:
    """Taken before the model is loaded, so that a taken port is told at once; it accepts nobody yet."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise GraderError(f"{host}:{port} cannot be served on: {error.strerror}. Choose another --port.") from error
    return bound
