"""Puts the service together and runs it: labs from disk, a store, a model on its thread, HTTP and jobs over them."""

import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from grader.local_store import StoreSettings, local_store
from grader.registered_courses import open_course_thread
from labs_schema.errors import Fault, GraderError
from labs_schema.limits import Limits
from serving.api.access import loopback
from serving.api.access_log import log_to_stderr
from serving.api.app import create_app
from serving.api.engine_thread import EngineThread
from serving.api.lab_registry import LabRegistry, read_registry
from serving.api.model_log import log_model
from serving.api.server import server
from serving.courses.book import CourseBook
from serving.courses.served import Courses, OneCourse, RegisteredCourses, labs_of
from serving.engines.engine_choice import EngineName
from serving.grading import Grader
from serving.jobs.book import JobBook
from serving.jobs.desk import LabDesk
from serving.jobs.job import Job
from serving.jobs.worker import Worker
from serving.observability.job_states import job_states
from serving.observability.metrics import Metrics
from serving.observability.observed import Observed
from serving.observability.tracing import open_tracing
from serving.served_model import load_grader
from serving.store.store import Store

DRAIN_SECONDS = 60
HOPELESS = 32
"""Characters a token: no program is as dense, so what has more of them cannot be read by the model."""


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
        observed = Observed(Metrics(), open_tracing())
        observed.metrics.watch_jobs(lambda: job_states(JobBook(store.database)))
        characters, serving = Limits().submission_bytes, threading.Event()
        if model:
            thread, characters = open_engine_thread(model, engine, orders, queue, screen, observed)
        else:
            thread = open_course_thread(store, engine, orders, models, queue, _told(screen, serving), observed)
            observed.metrics.watch_courses(courses.names)
        works = jobs and (labs or not model)
        worker = start_worker(store, courses, thread, f"{socket.gethostname()}:{port}") if works else None
        app = create_app(
            thread,
            LabRegistry(),
            store,
            courses=courses,
            seconds=seconds,
            characters=characters,
            rate=rate,
            begin=worker.begin if worker else _left_to_others,
            observed=observed,
        )
        url = f"http://{host}:{address.getsockname()[1]}"
        told = f"serving on [bold]{url}[/], described at {url}/docs; Ctrl-C stops"
        log_to_stderr()
        serving.set()
        with suppress(KeyboardInterrupt):
            try:
                stopping = app.state.service.stopping
                server(app, stopping, DRAIN_SECONDS, lambda: screen.print(told)).run(sockets=[address])
            finally:
                if worker:
                    worker.stop()


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
            thread = open_course_thread(store, engine, orders, models, 1, _told(screen))
        worker = start_worker(store, courses, thread, name or socket.gethostname())
        served = ", ".join(courses.folders()) or "no course yet"
        screen.print(f"working on jobs of {escape(served)} as [bold]{escape(worker.name)}[/]; Ctrl-C stops")
        with suppress(KeyboardInterrupt):
            _until_told()
        thread.close()
        worker.stop()


def course_of(labs: Path | None) -> str:
    return labs.absolute().name if labs else "course"


def served_courses(store: Store, model: str | None, labs: Path | None, course: str | None, screen: Console) -> Courses:
    """With a model its one course, else those that are registered. Raises GraderError where both are meant."""
    if model:
        return OneCourse(course or course_of(labs), registered_labs(labs, screen), labs)
    if labs or course:
        raise GraderError(
            "--labs and --course go with --model. Without it the registered courses are served with their own labs: "
            "grader courses add cs101 --model runs/latest --labs labs"
        )
    return RegisteredCourses(CourseBook(store.database))


def _told(screen: Console, serving: threading.Event | None = None) -> Callable[[str], None]:
    """To the screen; once the log is written there, into the log."""
    return lambda told: log_model(told) if serving and serving.is_set() else screen.print(escape(told))


def start_worker(store: Store, courses: Courses, thread: EngineThread, name: str) -> Worker:
    desk = LabDesk(store, labs_of(courses), thread)
    worker = Worker(desk, StoreSettings().store, name, courses=courses.folders)
    worker.start()
    return worker


def _left_to_others(_: Job) -> None: ...


def _until_told() -> None:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    told.wait()


def _guarded(store: Store, host: str, screen: Console) -> None:
    """Raises GraderError where the service would be open to other machines."""
    if store.list_keys():
        return
    make = "grader keys create NAME --role platform|ta|admin"
    if not loopback(host):
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


def registered_labs(folder: Path | None, screen: Console) -> LabRegistry:
    """The labs that can be served. Of the others only the name and the kinds of fault are told: stderr is the
    service's log, and a fault names a student's folder."""
    registry, faults = (LabRegistry(), ()) if folder is None else read_registry(folder)
    for lab in dict.fromkeys(_lab_of(fault) for fault in faults):
        codes = ", ".join(sorted({fault.code for fault in faults if _lab_of(fault) == lab}))
        screen.print(f"[yellow]left out[/] {escape(lab)}: {codes}; grader check tells more")
    screen.print(f"labs: {escape(', '.join(registry)) or 'none; requests bring their own rubric'}")
    return registry


def _lab_of(fault: Fault) -> str:
    return fault.path.split("/", 1)[0]


def open_engine_thread(
    model: str, engine: EngineName, orders: int | None, queue: int, screen: Console, observed: Observed | None = None
) -> tuple[EngineThread, int]:
    """The thread, and how many characters a program may have before no reading of it could fit."""
    started, context = time.monotonic(), [0]

    def opened() -> Grader:
        grader = load_grader(model, engine=engine, orders=orders)
        context[0] = grader.encoder.context_length
        return observed.metrics.watched(grader) if observed else grader

    with screen.status(f"loading {escape(model)}"):
        thread = EngineThread(opened, waiting=queue, watches=observed.watches if observed else ())
        if observed:
            observed.metrics.watch_queue(thread)
        thread.wait_until_open()
    screen.print(f"model: {escape(model)}, loaded in {time.monotonic() - started:.1f} s")
    return thread, min(HOPELESS * context[0], Limits().submission_bytes)
