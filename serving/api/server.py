"""The process's HTTP server: uvicorn that says when it accepts requests, and that, when it is told to stop, first ends
the streams that would never end."""

import asyncio
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from serving.api.middleware.connection_limits import ConnectionLimits

TURN_SECONDS = 0.0005
"""For which one of Python's threads may keep the others waiting, in place of 5 ms: the one that answers gives its turn
up with everything that it sends."""

LOOKS, LOOK_SECONDS = 5, 0.02
"""Before nobody is let in any more: else a request is cut off that was there before the server was told to stop."""


class DrainingServer(uvicorn.Server):
    """`ready` is called once requests are accepted, `stopping` is set as soon as no more are."""

    def __init__(self, config: uvicorn.Config, stopping: threading.Event, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping, self._ready = stopping, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.setswitchinterval(TURN_SECONDS)
            gc.collect()
            gc.freeze()  # else the collector stops all for a tenth of a second, to look through what stays anyway
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Like uvicorn's, which raises a SIGTERM once more when all is answered: that would end the process before it
        has put down its other work."""
        with super().capture_signals():
            yield
            self._captured_signals = [each for each in self._captured_signals if each != signal.SIGTERM]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        for _ in range(LOOKS):  # each lets in who is still in the kernel's line, and reads what they have sent
            await asyncio.sleep(LOOK_SECONDS)
        await super().shutdown(sockets)


def server(
    app: ASGIApp,
    stopping: threading.Event,
    drain_seconds: int,
    ready: Callable[[], None] = lambda: None,
    door: ConnectionLimits | None = None,
) -> DrainingServer:
    """For `app`, which answers what it has accepted within `drain_seconds` of a SIGTERM."""
    config = uvicorn.Config(
        app,
        http=(door or ConnectionLimits()).protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=drain_seconds,
    )
    return DrainingServer(config, stopping, ready)
