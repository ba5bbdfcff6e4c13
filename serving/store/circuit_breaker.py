"""Circuit breaker for an unresponsive PostgreSQL: a frozen server, or one whose machine hangs, never closes a socket.

A statement without a reply for `unresponsive_seconds` closes its connection. If a probe finds that the server does not
answer new connections either, the circuit opens: connections are refused at once, except for one probe every
`probe_interval_seconds`. A server that wakes up finds the connection closed and rolls back what was not committed.
"""

import threading
import time
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg import Notify
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout
from sqlalchemy import Engine, event

from labs_schema.limits import DatabaseLimits

LIMITS = DatabaseLimits()
POLL_SECONDS = 0.1

RV = TypeVar("RV")


class UnresponsiveError(psycopg.OperationalError):
    """The server sent nothing for too long. Whether it executed the last statement is unknown."""


class ServerUnresponsiveError(UnresponsiveError):
    """The server does not answer new connections either."""


class StatementTimeoutError(UnresponsiveError):
    """The server answers new connections: only this statement takes too long."""


class CircuitBreaker:
    """Makes all connections to one server and tracks whether it answers. Thread-safe."""

    def __init__(self) -> None:
        self._next_probe: float | None = None  # None: the circuit is closed
        self._lock, self._probing = threading.Lock(), threading.Lock()

    def connect(self, *arguments: Any, **options: Any) -> "TimeoutConnection":
        """Raises UnresponsiveError, or what psycopg raises."""
        self.check()
        try:
            connection = TimeoutConnection.connect(*arguments, **options)
        except ConnectionTimeout:
            self.open()
            raise
        self.close()
        connection.probe = partial(self.probe, *arguments, **options)
        return connection

    def probe(self, *arguments: Any, **options: Any) -> bool:
        """Whether the server answers a new connection. One probe at a time; concurrent callers wait for its result."""
        with self._probing:
            try:
                self.connect(*arguments, **{**options, "connect_timeout": LIMITS.probe_seconds}).close()
            except (UnresponsiveError, ConnectionTimeout):
                return False
            except psycopg.OperationalError:
                pass  # a refused connection is an answer
            return True

    def check(self) -> None:
        """Raises ServerUnresponsiveError while the circuit is open, except for one caller per probe interval."""
        with self._lock:
            now = time.monotonic()
            if self._next_probe is None:
                return
            if now < self._next_probe:
                raise ServerUnresponsiveError("the server does not respond")
            self._next_probe = now + LIMITS.probe_interval_seconds

    def open(self) -> None:
        """Called after a timeout."""
        with self._lock:
            self._next_probe = time.monotonic() + LIMITS.probe_interval_seconds

    def close(self) -> None:
        """Called after a successful connection."""
        with self._lock:
            self._next_probe = None


class TimeoutConnection(psycopg.Connection[Any]):
    """A connection whose statements fail after `timeout_seconds` without a reply; None: never.

    `probe` reports whether the server answers elsewhere; it is called shortly before the timeout.
    """

    timeout_seconds: float | None = LIMITS.unresponsive_seconds
    probe: Callable[[], bool] = staticmethod(lambda: False)

    def wait(self, gen: PQGen[RV], interval: float = POLL_SECONDS, timeout: float | None = None) -> RV:
        if self.timeout_seconds is None:
            return super().wait(gen, interval, timeout)
        polls = max(2, round(self.timeout_seconds / POLL_SECONDS))
        try:
            return super().wait(_with_timeout(gen, polls, self.probe), POLL_SECONDS, timeout)
        except UnresponsiveError:
            self.close()
            raise

    def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> Generator[Notify, None, None]:
        """Disables the timeout: a listening connection may receive nothing for hours."""
        self.timeout_seconds = None
        return super().notifies(timeout=timeout, stop_after=stop_after)


def _with_timeout(waiting: PQGen[RV], polls: int, probe: Callable[[], bool]) -> PQGen[RV]:
    """`waiting`, which fails after `polls` polls in a row without a reply, or `probe_seconds` earlier if `probe` fails.

    Counts polls instead of seconds: a process that was suspended itself must not blame the server.
    """
    left, probe_at = polls, min(polls - 1, round(LIMITS.probe_seconds / POLL_SECONDS))
    try:
        wanted = next(waiting)
        while left:
            ready = yield wanted
            left = polls if ready else left - 1
            if left == probe_at and not probe():
                raise ServerUnresponsiveError("the server does not respond")
            wanted = waiting.send(ready)
    except StopIteration as done:
        found: RV = done.value
        return found
    raise StatementTimeoutError("the server responds, but this statement took too long")


def install_circuit_breaker(engine: Engine) -> None:
    """All connections of `engine` (psycopg) get timeouts and share one circuit breaker."""
    breaker = CircuitBreaker()

    @event.listens_for(engine, "do_connect")
    def connect(_: object, __: object, arguments: Any, options: Any) -> TimeoutConnection:
        return breaker.connect(*arguments, **options)
