"""A queue for each course: a worker takes chunks of its own courses, and no course's job waits behind another's.

DBOS chooses what it listens to once, before it starts; courses come and go, so this listens for it. Knows no jobs.
"""

import hashlib
import time
from collections.abc import Set
from threading import Event, Lock, Thread

from dbos import DBOS
from dbos._dbos import _get_dbos_instance
from dbos._queue import queue_worker_thread

POLL_SECONDS = 0.2
CLOSING_SECONDS = 2.0
"""For so long what is just being taken is waited for; a database that is away would hold it up for ever."""


def queue_of(course: str) -> str:
    """The name of a course's queue: short, and it tells nothing of the course."""
    return f"grading-{hashlib.sha256(course.encode()).hexdigest()[:16]}"


class QueueListeners:
    """Takes from queues, one workflow at a time from each, between DBOS's launch and its end. From any thread."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Event, Thread]] = {}
        self._resting: dict[str, float] = {}
        self._lock = Lock()

    def open(self, queue: str) -> None:
        """From now on takes from `queue`, once it has rested. Raises what the database raises."""
        with self._lock:
            if self._resting.get(queue, 0.0) > time.monotonic():
                return
            if queue in self._open and self._open[queue][1].is_alive():
                return
            found = DBOS.register_queue(queue, worker_concurrency=1, polling_interval_sec=POLL_SECONDS)
            stop = Event()
            given = stop, _get_dbos_instance(), found
            thread = Thread(target=queue_worker_thread, args=given, name=queue, daemon=True)
            self._open[queue] = stop, thread
            thread.start()

    def rest(self, queue: str, seconds: float) -> None:
        """For so long takes nothing more from `queue`, but leaves it to others."""
        with self._lock:
            self._resting[queue] = time.monotonic() + seconds
            if queue in self._open:
                self._open.pop(queue)[0].set()

    def only(self, queues: Set[str]) -> None:
        """From now on takes from `queues` and no other. What was taken already is finished."""
        for queue in queues:
            self.open(queue)
        with self._lock:
            for queue in self._open.keys() - queues:
                self._open.pop(queue)[0].set()

    def close(self) -> None:
        """Takes nothing more."""
        with self._lock:
            closing = list(self._open.values())
            self._open.clear()
            self._resting.clear()
        for stop, _ in closing:
            stop.set()
        until = time.monotonic() + CLOSING_SECONDS
        for _, thread in closing:
            thread.join(max(0.0, until - time.monotonic()))
