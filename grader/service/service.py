"""Assembles and runs the HTTP service: store, courses, engine thread, jobs and HTTP server."""

import re
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from rich.console import Console
from rich.markup import escape

from grader.heads.label_service import LabelService
from grader.service.courses import served_courses
from grader.service.engine import ModelOptions, open_engine
from grader.service.local_store import local_store
from grader.service.lti import lti_options
from grader.service.lti_delivery import LtiColumns
from grader.service.outbound import running_deliveries, sending_webhooks
from grader.service.worker import start_worker
from grader.terminal import show
from labs_schema.errors import GraderError
from labs_schema.settings import Settings
from serving.api.app import create_app, leave_to_workers
from serving.api.middleware.access_log import log_model, log_to_stderr
from serving.api.middleware.loopback_only import is_loopback
from serving.api.server import server
from serving.api.service import ServiceOptions
from serving.jobs.repository import JobRepository
from serving.observability.metrics import Metrics
from serving.observability.telemetry import Telemetry
from serving.observability.tracing import open_tracing
from serving.store.access.session_key import session_key_file
from serving.store.store import Store
from serving.web.app import mount_pages
from serving.web.lti.app import mount_lti

ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:]+\](:\d{1,5})?")
"""The value of `Origin` in browsers: RFC 6454, section 6.2."""


class ServeOptions(ModelOptions):
    """See `grader serve --help`. `seconds`: how long a request waits for its grade."""

    host: str = "127.0.0.1"
    port: int = 8000
    queue: int = 64
    seconds: float = 120.0
    rate: str = "50/second"
    allow_origins: tuple[str, ...] = ()
    jobs: bool = True
    label_model: str = "smollm2-135m"


def run_service(options: ServeOptions) -> None:
    """Serves until SIGINT or SIGTERM.

    Raises GraderError if the address is in use, if other machines could connect although there is no API key, or if the
    store, the labs or the model cannot be used.
    """
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    origins = checked_origins(options.allow_origins or Settings().allow_origin.split())
    with local_store() as store, _bind(options.host, options.port) as address:
        _require_keys(store, options.host, origins, screen)
        courses = served_courses(store, options, screen)
        telemetry = Telemetry(Metrics(), open_tracing())
        telemetry.metrics.watch_jobs(JobRepository(store.database))
        if not options.model:
            telemetry.metrics.watch_courses(courses.names)
        serving = threading.Event()
        engine = open_engine(
            store,
            options,
            screen,
            report=_reporter(screen, serving),
            capacity=options.queue,
            telemetry=telemetry,
        )
        with_jobs = options.jobs and (options.labs or not options.model)
        port = address.getsockname()[1]  # with --port 0 only the bound socket knows the number
        name = f"{socket.gethostname()}:{port}"
        worker = start_worker(store, courses, engine.thread, name) if with_jobs else None
        service_options = ServiceOptions(
            timeout_seconds=options.seconds, rate=options.rate, max_chars=engine.max_chars, allow_origins=origins
        )
        start_job = worker.notify if worker else leave_to_workers
        app = create_app(engine.thread, courses, store, service_options, start_job=start_job, telemetry=telemetry)
        session_key = session_key_file(store.database).read()
        labelling = LabelService(store, options.label_model)
        columns = LtiColumns(store)
        mount_pages(app, session_key, blind_share=Settings().blind_share, labelling=labelling, columns=columns)
        if Settings().public_url:
            mount_lti(app, lti_options(store, session_key))
        url = f"http://{options.host}:{port}"
        ready = f"serving on [bold]{url}[/], with the review pages; API reference at {url}/docs; stop with Ctrl-C"
        log_to_stderr()
        serving.set()

        def announce() -> None:
            screen.print(ready)
            show({"url": url, "docs": f"{url}/docs"})

        with suppress(KeyboardInterrupt), sending_webhooks(store), running_deliveries(store, columns):
            try:
                server(app, app.state.service.stopping, ready=announce).run(sockets=[address])
            finally:
                if worker:
                    worker.stop()


def _reporter(screen: Console, serving: threading.Event) -> Callable[[str], None]:
    """Prints to the screen; once the service runs, writes to its log, which is on the same stream."""
    return lambda line: log_model(line) if serving.is_set() else screen.print(escape(line))


def checked_origins(origins: Sequence[str]) -> tuple[str, ...]:
    """The origins in lower case. Raises GraderError for anything but scheme, host and port, such as `*` or a path."""
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise GraderError(
                f"--allow-origin {origin!r}: expected the scheme and host of the course page, such as "
                "https://course.example.edu, without a path. '*' is refused: name each page's site.",
                code="bad-origin",
            )
    return tuple(origin.lower() for origin in origins)


def _require_keys(store: Store, host: str, origins: Sequence[str], screen: Console) -> None:
    """Raises GraderError if other machines or web pages could connect although there never was an API key."""
    if store.list_keys():
        return
    command = "grader keys create NAME --role platform|ta|admin"
    if origins:
        raise GraderError(
            f"Without an API key, --allow-origin would let a page act for everyone. First create one: {command}",
            code="api-key-required",
        )
    if not is_loopback(host):
        raise GraderError(
            f"Without an API key, {host} would be open to every machine. First create one: {command}",
            code="api-key-required",
        )
    screen.print(f"[yellow]no API keys[/]: every user of this machine has full access. Create one: {escape(command)}")


def _bind(host: str, port: int) -> socket.socket:
    """Binds without listening, before the model is loaded, so that a port in use is reported at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise GraderError(
            f"Cannot bind to {host}:{port}: {error.strerror}. Choose another --port.", code="address-unavailable"
        ) from error
    return bound
