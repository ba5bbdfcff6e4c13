"""The process's HTTP server: uvicorn that, when it is told to stop, first ends the streams that would never end."""

import socket
import threading

import uvicorn
from starlette.types import ASGIApp


class DrainingServer(uvicorn.Server):
    """`stopping` is set as soon as nothing more is accepted."""

    def __init__(self, config: uvicorn.Config, stopping: threading.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)


def server(app: ASGIApp, stopping: threading.Event, drain_seconds: int) -> DrainingServer:
    """For `app`, which answers what it has accepted within `drain_seconds` of a SIGTERM."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=drain_seconds
    )
    return DrainingServer(config, stopping)
