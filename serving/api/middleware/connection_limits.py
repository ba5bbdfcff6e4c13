"""Connections that take what others need: too slow, too large a head, too many, too much at once. Knows
no route and no body.

A connection waits from its beginning, and from each answer on, until the head of a request is there.
"""

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

CONNECTIONS = 500
"""Below the 1,024 files that a process may usually have open."""
HEAD_SECONDS, HEAD_BYTES, WRITE_SECONDS = 10.0, 65_536, 60.0
SENT_AHEAD = 16
"""Requests that a client may send before the one before them is answered: each is held in memory."""
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class ConnectionLimits:
    """What the connections of one server share. `waiting`: those that wait, the longest first.

    `most` may be open; one more ends the one that waits longest. `head_seconds` is how long one may wait,
    `write_seconds` how long a client may leave an answer unread.
    """

    def __init__(
        self, most: int = CONNECTIONS, head_seconds: float = HEAD_SECONDS, write_seconds: float = WRITE_SECONDS
    ) -> None:
        self.most, self.head_seconds, self.write_seconds = most, head_seconds, write_seconds
        self.waiting: dict[Connection, None] = {}

    @property
    def protocol(self) -> Any:
        """For uvicorn's `http`."""
        return partial(Connection, self)


class Connection(HttpToolsProtocol):
    """uvicorn's, with an end to all waiting for a client."""

    def __init__(self, door: ConnectionLimits, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._door = door
        self._head_late: asyncio.TimerHandle | None = None
        self._write_late: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = None
        self._field_bytes = 0
        self._answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._door.most:
            if not self._door.waiting:
                transport.write(FULL)
                transport.close()
                return
            next(iter(self._door.waiting)).end()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        self._answer_no_more()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > HEAD_BYTES:
            self.end()

    def on_message_begin(self) -> None:
        self._head_bytes = self._field_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._field_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Fields behind a body (trailers) have no end and no meaning here: RFC 9110, section 6.5.1, lets them go."""
        if self._head_bytes is not None:
            self._field_bytes += len(name) + len(value) + len(": \r\n")
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        self._wait_no_more()
        if len(self.pipeline) >= SENT_AHEAD or self._field_bytes > HEAD_BYTES:
            self.end()
        else:
            super().on_headers_complete()
            if not self.pipeline:
                self._answering = self.cycle

    def on_response_complete(self) -> None:
        self._answering = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if self._answering is None and not self.transport.is_closing():
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_late = self.loop.call_later(self._door.write_seconds, self.end)

    def resume_writing(self) -> None:
        if self._write_late is not None:
            self._write_late.cancel()
        super().resume_writing()

    def end(self) -> None:
        self._wait_no_more()
        self._answer_no_more()
        self.transport.abort()

    def _answer_no_more(self) -> None:
        """Tells whoever works on an answer that nobody is there; uvicorn tells the request that came last."""
        if self._answering:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def _wait(self) -> None:
        self._door.waiting[self] = None
        self._head_late = self.loop.call_later(self._door.head_seconds, self.end)

    def _wait_no_more(self) -> None:
        self._door.waiting.pop(self, None)
        if self._head_late is not None:
            self._head_late.cancel()
