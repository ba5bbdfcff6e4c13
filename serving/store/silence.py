"""PostgreSQL that is silent: a server that is frozen, or whose machine hangs, leaves its connections open for ever.

A statement that hears nothing for a while closes its connection. From then on nobody else waits: who wants a new
connection is refused at once, but for one now and then who looks whether the server is back. What a server does that
wakes up is PostgreSQL's affair: it finds the connection closed and undoes what was not committed yet. Knows no table.
"""

import threading
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import Notify
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout
from sqlalchemy import Engine, event

SILENT_SECONDS, LOOK_SECONDS = 10.0, 2.0
TICK = 0.1
TOLD = "the server says nothing"

RV = TypeVar("RV")


class SilentError(psycopg.OperationalError):
    """Nothing was heard of the server. Whether it did what it was asked last is not known."""


class Pulse:
    """Whether a server answers; one for all connections to it, from any thread."""

    def __init__(self) -> None:
        self._look_at: float | None = None
        self._lock = threading.Lock()

    def expect(self) -> None:
        """Raises SilentError where the server was silent just now, to all but one caller every `LOOK_SECONDS`."""
        with self._lock:
            now = time.monotonic()
            if self._look_at is None:
                return
            if now < self._look_at:
                raise SilentError(TOLD)
            self._look_at = now + LOOK_SECONDS

    def silent(self) -> None:
        with self._lock:
            self._look_at = time.monotonic() + LOOK_SECONDS

    def heard(self) -> None:
        with self._lock:
            self._look_at = None


class Bounded(psycopg.Connection[Any]):
    """A connection of which no statement waits longer than `patience` seconds for a sign of life; None: for ever."""

    patience: float | None = SILENT_SECONDS
    pulse: Pulse | None = None

    def wait(self, gen: PQGen[RV], interval: float = TICK, timeout: float | None = None) -> RV:
        if self.patience is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(_heard(gen, max(1, round(self.patience / TICK))), TICK, timeout)
        except SilentError:
            self.close()
            if self.pulse:
                self.pulse.silent()
            raise

    def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> Generator[Notify, None, None]:
        """Who listens may hear nothing for ever, from now on."""
        self.patience = None
        return super().notifies(timeout=timeout, stop_after=stop_after)


def _heard(waiting: PQGen[RV], ticks: int) -> PQGen[RV]:
    """Like `waiting`, until it was woken `ticks` times in a row for nothing. Ticks are counted, not seconds: a process
    that was held up itself has heard nothing, either."""
    left = ticks
    try:
        wanted = next(waiting)
        while left:
            ready = yield wanted
            left = ticks if ready else left - 1
            wanted = waiting.send(ready)
    except StopIteration as done:
        found: RV = done.value
        return found
    raise SilentError(TOLD)


def bound(engine: Engine) -> None:
    """From now on the connections of `engine`, one to PostgreSQL by psycopg, are bounded."""
    pulse = Pulse()

    @event.listens_for(engine, "do_connect")
    def connect(_: object, __: object, arguments: Any, options: Any) -> Bounded:
        pulse.expect()
        try:
            made = Bounded.connect(*arguments, **options)
        except ConnectionTimeout:
            pulse.silent()
            raise
        made.pulse = pulse
        pulse.heard()
        return made
