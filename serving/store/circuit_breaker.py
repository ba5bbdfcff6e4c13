"""PostgreSQL that is silent: a server that is frozen, or whose machine hangs, leaves its connections open for ever.

A statement that hears nothing for a while closes its connection. Where the server answers nobody else either, nobody
else waits from then on: who wants a new connection is refused at once, but for one now and then who looks whether it is
back. What a server does that wakes up is PostgreSQL's affair: it finds the connection closed and undoes what was not
committed yet. Knows no table.
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

SILENT_SECONDS, LOOK_SECONDS = 10.0, 2.0
ASK_SECONDS = 2
"""For which a new connection is waited for that is to tell a slow statement from a silent server; libpq's least."""
TICK = 0.1
TOLD = "the server says nothing"
SLOW = "the server answers, but was silent on this for too long"

RV = TypeVar("RV")


class UnresponsiveError(psycopg.OperationalError):
    """Nothing was heard on a connection. Whether the server did what it was asked last is not known."""


class CircuitBreaker:
    """Whether a server answers; one for all connections to it, which it makes, from any thread."""

    def __init__(self) -> None:
        self._look_at: float | None = None
        self._lock, self._asking = threading.Lock(), threading.Lock()

    def connect(self, *arguments: Any, **options: Any) -> "TimeoutConnection":
        """Raises UnresponsiveError, or what psycopg raises."""
        self.expect()
        try:
            made = TimeoutConnection.connect(*arguments, **options)
        except ConnectionTimeout:
            self.silent()
            raise
        self.heard()
        made.answers = partial(self.answers, *arguments, **options)
        return made

    def answers(self, *arguments: Any, **options: Any) -> bool:
        """Whether the server says anything to a new connection. Who comes while another asks takes that answer."""
        with self._asking:
            try:
                self.connect(*arguments, **{**options, "connect_timeout": ASK_SECONDS}).close()
            except (UnresponsiveError, ConnectionTimeout):
                return False
            except psycopg.OperationalError:
                pass  # it refuses: that is an answer
            return True

    def expect(self) -> None:
        """Raises UnresponsiveError where the server was silent just now, to all but one caller every `LOOK_SECONDS`."""
        with self._lock:
            now = time.monotonic()
            if self._look_at is None:
                return
            if now < self._look_at:
                raise UnresponsiveError(TOLD)
            self._look_at = now + LOOK_SECONDS

    def silent(self) -> None:
        with self._lock:
            self._look_at = time.monotonic() + LOOK_SECONDS

    def heard(self) -> None:
        with self._lock:
            self._look_at = None


class TimeoutConnection(psycopg.Connection[Any]):
    """A connection of which no statement waits longer than `patience` seconds for a sign of life; None: for ever.
    `answers`: whether the server does, elsewhere; asked when the statement has little time left."""

    patience: float | None = SILENT_SECONDS
    answers: Callable[[], bool] = staticmethod(lambda: False)

    def wait(self, gen: PQGen[RV], interval: float = TICK, timeout: float | None = None) -> RV:
        if self.patience is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(_heard(gen, max(2, round(self.patience / TICK)), self.answers), TICK, timeout)
        except UnresponsiveError:
            self.close()
            raise

    def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> Generator[Notify, None, None]:
        """Who listens may hear nothing for ever, from now on."""
        self.patience = None
        return super().notifies(timeout=timeout, stop_after=stop_after)


def _heard(waiting: PQGen[RV], ticks: int, answers: Callable[[], bool]) -> PQGen[RV]:
    """Like `waiting`, until it was woken `ticks` times in a row for nothing, or `ASK_SECONDS` before where nobody else
    gets an answer. Ticks are counted, not seconds: a process that was held up itself has heard nothing, either."""
    left, last = ticks, min(ticks - 1, round(ASK_SECONDS / TICK))
    try:
        wanted = next(waiting)
        while left:
            ready = yield wanted
            left = ticks if ready else left - 1
            if left == last and not answers():
                raise UnresponsiveError(TOLD)
            wanted = waiting.send(ready)
    except StopIteration as done:
        found: RV = done.value
        return found
    raise UnresponsiveError(SLOW)


def bound(engine: Engine) -> None:
    """From now on the connections of `engine`, one to PostgreSQL by psycopg, are bounded."""
    pulse = CircuitBreaker()

    @event.listens_for(engine, "do_connect")
    def connect(_: object, __: object, arguments: Any, options: Any) -> TimeoutConnection:
        return pulse.connect(*arguments, **options)
