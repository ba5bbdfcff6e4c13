"""The HTTP server: uvicorn that reports when it is ready, and ends open streams before it drains."""

import asyncio
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import uvicorn
from starlette.types import ASGIApp

from labs_schema.limits import ServiceLimits

LIMITS = ServiceLimits()
SWITCH_SECONDS = 0.0005
"""Python's default of 5 ms lets a preparing thread delay the event loop by that much at every system call."""


class DrainingServer(uvicorn.Server):
    """Calls `ready` when requests are accepted; sets `stopping` when it starts to shut down."""

    def __init__(self, config: uvicorn.Config, stopping: threading.Event, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping, self._ready = stopping, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.setswitchinterval(SWITCH_SECONDS)
            gc.collect()
            gc.freeze()  # a full collection over torch's and vLLM's objects would block requests for 0.1 s
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ignores SIGTERM once the server is done: uvicorn raises it again then, which would end the process before
        its worker has released its jobs."""
        with ExitStack() as stack:
            if threading.current_thread() is threading.main_thread():
                stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.SIG_IGN))
            with super().capture_signals():
                yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        for _ in range(LIMITS.backlog_polls):  # accepts connections that already wait in the kernel's backlog
            await asyncio.sleep(LIMITS.backlog_poll_seconds)
        await super().shutdown(sockets)


def server(
    app: ASGIApp,
    stopping: threading.Event,
    drain_seconds: int = LIMITS.drain_seconds,
    ready: Callable[[], None] = lambda: None,
) -> DrainingServer:
    """A server that answers what it has accepted within `drain_seconds` after a SIGTERM."""
    config = uvicorn.Config(
        app,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=drain_seconds,
    )
    return DrainingServer(config, stopping, ready)
