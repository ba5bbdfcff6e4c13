"""Puts the service together and runs it: labs from disk, a model on its thread, HTTP in front of them."""

import socket
import time
from contextlib import suppress
from pathlib import Path

import uvicorn
from rich.console import Console
from rich.markup import escape

from labs_schema.errors import Fault, GraderError
from serving.api.access_log import log_to_stderr
from serving.api.app import create_app
from serving.api.engine_thread import EngineThread
from serving.api.lab_registry import LabRegistry, read_registry
from serving.engines.engine_choice import EngineName
from serving.served_model import load_grader

DRAIN_SECONDS = 60


def run_service(
    model: str,
    labs: Path | None,
    *,
    host: str,
    port: int,
    engine: EngineName,
    queue: int,
    seconds: float,
    orders: int | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM. `seconds`: how long a request may wait for its grade. `orders` of the
    ratings to ask in: by default the model's own.

    Raises GraderError where the address is taken, or the labs or the model cannot be used.
    """
    screen = Console(stderr=True, highlight=False, soft_wrap=True)
    with _address(host, port) as address:
        registry = registered_labs(labs, screen)
        thread = _open(model, engine, orders, queue, screen)
        url = f"http://{host}:{address.getsockname()[1]}"
        screen.print(f"serving on [bold]{url}[/], described at {url}/docs; Ctrl-C stops")
        log_to_stderr()
        config = uvicorn.Config(
            create_app(thread, registry, seconds=seconds),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[address])


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


def _open(model: str, engine: EngineName, orders: int | None, queue: int, screen: Console) -> EngineThread:
    started = time.monotonic()
    with screen.status(f"loading {escape(model)}"):
        thread = EngineThread(lambda: load_grader(model, engine=engine, orders=orders), waiting=queue)
        thread.wait_until_open()
    screen.print(f"model: {escape(model)}, loaded in {time.monotonic() - started:.1f} s")
    return thread
