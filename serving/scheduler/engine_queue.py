"""Bounded queue in front of the engine, fair between courses. Thread-safe."""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.scheduler.fair_queue import FairQueue
from serving.scheduler.graders import PreparedSubmission


class QueueFullError(Exception):
    """As many submissions wait as may. `retry_after`: seconds until there should be room."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"the queue is full; try again in {retry_after} s")


class ClosedError(Exception):
    """The queue is closed and takes nothing more."""


@dataclass
class QueueSlot:
    """In the queue, for one submission of `course`; `kept` until that stands there or is given up."""

    course: str
    kept: bool = True


@dataclass(frozen=True)
class Job:
    """A submission that waits. Cancelling `future` before its batch begins drops it ungraded.

    `course`: by whose model it is graded. `background`: nobody waits for it. `sheet`: what was prepared of it.
    `submitted`: when, by `time.monotonic`; `context`: of whoever did, such as the span of a trace.
    """

    lab: Lab
    submission: Submission
    reasoning: bool
    sheet: PreparedSubmission | None = None
    course: str = ""
    background: bool = False
    future: Future[Grade] = field(default_factory=Future)
    submitted: float = field(default_factory=time.monotonic)
    context: Context = field(default_factory=copy_context)


class EngineQueue:
    """At most `places` submissions that somebody waits for, of one course at most that `share` of them. What nobody
    waits for stands in the background, which its one caller bounds, and is taken when nothing else is there.

    `seconds`: that a submission took lately.
    """

    def __init__(self, places: int, share: float) -> None:
        self.places, self._places_each = places, math.ceil(share * places)
        self.seconds = 1.0
        self._jobs: FairQueue[Job] = FairQueue()
        self._background: FairQueue[Job] = FairQueue()
        self._kept: Counter[str] = Counter()
        self._turn: tuple[str, float] = "", 0.0
        self._changed = threading.Condition()
        self._closed = False

    @contextmanager
    def place(self, course: str) -> Iterator[QueueSlot]:
        """Kept while what is to stand there is made ready. Raises QueueFullError at once."""
        place = self._new_place(course)
        try:
            yield place
        finally:
            self._leave(place)

    def put(self, job: Job, place: QueueSlot | None) -> None:
        """In `place` where one was kept. Raises QueueFullError or ClosedError."""
        with self._changed:
            if self._closed:
                raise ClosedError("the service is shutting down")
            if not job.background:
                self._leave(place or self._new_place(job.course))
            (self._background if job.background else self._jobs).append(job)
            self._changed.notify()

    def take(self, most: int) -> list[Job]:
        """Waits for a job and takes what else its course has there, up to `most`; empty when closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._background or self._closed)
            first = self._jobs or self._background
            course, until = self._turn
            stay = course if time.monotonic() < until else None
            return first.take(most, stay) if first else []

    def stay(self, course: str, until: float) -> None:
        """It keeps its turn, while any of it waits, until then (by `time.monotonic`)."""
        self._turn = course, until

    @property
    def full(self) -> bool:
        """Whether no place is left, whatever the course."""
        return len(self._jobs) + self._kept.total() >= self.places

    @property
    def retry_after(self) -> int:
        """Seconds (1 to 60) that what is waiting should take."""
        return min(60, max(1, math.ceil(len(self._jobs) * self.seconds)))

    def waiting(self, *, background: bool = False) -> Mapping[str, int]:
        """Course -> how many wait, of the courses that have any."""
        with self._changed:
            return (self._background if background else self._jobs).counts()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _new_place(self, course: str) -> QueueSlot:
        with self._changed:
            if self.full or self._jobs.of(course) + self._kept[course] >= self._places_each:
                raise QueueFullError(self.retry_after)
            self._kept[course] += 1
        return QueueSlot(course)

    def _leave(self, place: QueueSlot) -> None:
        with self._changed:
            self._kept[place.course] -= place.kept
            place.kept = False
