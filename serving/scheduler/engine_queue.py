"""Bounded queue in front of the engine, fair between courses. Thread-safe."""

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from labs_schema.grades import Grade
from labs_schema.limits import QueueLimits
from labs_schema.models import Lab, Submission
from serving.scheduler.graders import PreparedSubmission

LIMITS = QueueLimits()


class QueueFullError(Exception):
    """No queue slot is free. `retry_after`: seconds until one should be."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"the queue is full; retry after {retry_after} s")


class ClosedError(Exception):
    """The queue is closed and accepts no submissions."""


@dataclass
class QueueSlot:
    """Room for one submission of `course`. `reserved` until it is used or released."""

    course: str
    reserved: bool = True


@dataclass(frozen=True)
class QueuedSubmission:
    """A submission that waits for the engine. Cancelling `future` before its batch starts drops it ungraded.

    `background`: low priority, no client is waiting. `submitted`: `time.monotonic()` when it was queued.
    `context`: the submitter's context variables, such as a trace span.
    """

    lab: Lab
    submission: Submission
    reasoning: bool
    prepared: PreparedSubmission | None = None
    course: str = ""
    background: bool = False
    future: Future[Grade] = field(default_factory=Future)
    submitted: float = field(default_factory=time.monotonic)
    context: Context = field(default_factory=copy_context)


class FairQueue:
    """Round-robin: one FIFO queue per course; `take` serves the courses in turn. Not thread-safe, except for `len`."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[QueuedSubmission]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def count(self, course: str) -> int:
        return len(self._queues.get(course, ()))

    def counts(self) -> dict[str, int]:
        """Course -> queued items, without courses that have none."""
        return {course: len(queue) for course, queue in self._queues.items()}

    def append(self, item: QueuedSubmission) -> None:
        self._queues.setdefault(item.course, deque()).append(item)
        self._count += 1

    def take(self, limit: int, preferred: str | None = None) -> list[QueuedSubmission]:
        """Up to `limit` items of the next course, or of `preferred` if it has any. The course then moves to the end."""
        course = preferred if preferred is not None and preferred in self._queues else next(iter(self._queues))
        queue = self._queues.pop(course)
        taken = [queue.popleft() for _ in range(min(limit, len(queue)))]
        if queue:
            self._queues[course] = queue
        self._count -= len(taken)
        return taken


class EngineQueue:
    """At most `capacity` interactive submissions, at most `course_share` of them from one course.

    Background submissions are not bounded here (their one caller limits them) and are taken only when no interactive
    submission waits. `submission_seconds`: how long the engine took per submission in its last call.
    """

    def __init__(self, capacity: int, course_share: float) -> None:
        self._capacity, self._course_capacity = capacity, math.ceil(course_share * capacity)
        self.submission_seconds = 1.0
        self._interactive = FairQueue()
        self._background = FairQueue()
        self._reserved: Counter[str] = Counter()
        self._preferred: tuple[str, float] = "", 0.0
        self._changed = threading.Condition()
        self._closed = False

    @contextmanager
    def reserve_slot(self, course: str = "") -> Iterator[QueueSlot]:
        """Reserves a slot while a submission is prepared, so that it is not refused afterwards.

        Raises QueueFullError immediately if there is none.
        """
        slot = self._new_slot(course)
        try:
            yield slot
        finally:
            self._release(slot)

    def put(self, queued: QueuedSubmission, slot: QueueSlot | None) -> None:
        """Uses `slot`, or a new one if None. Raises QueueFullError or ClosedError."""
        with self._changed:
            if self._closed:
                raise ClosedError("the service is shutting down")
            if not queued.background:
                self._release(slot or self._new_slot(queued.course))
            (self._background if queued.background else self._interactive).append(queued)
            self._changed.notify()

    def take(self, limit: int) -> list[QueuedSubmission]:
        """Waits for submissions; returns up to `limit` of one course, or none once the queue is closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._interactive or self._background or self._closed)
            queue = self._interactive or self._background
            course, until = self._preferred
            preferred = course if time.monotonic() < until else None
            return queue.take(limit, preferred) if queue else []

    def prefer(self, course: str, until: float) -> None:
        """Keeps taking from `course`, while it has submissions, until this `time.monotonic()`."""
        self._preferred = course, until

    @property
    def full(self) -> bool:
        """Whether no slot is left for any course."""
        return len(self._interactive) + self._reserved.total() >= self._capacity

    @property
    def retry_after(self) -> int:
        """Seconds that the queued submissions should take, between 1 and the limit."""
        return min(LIMITS.retry_after_seconds, max(1, math.ceil(len(self._interactive) * self.submission_seconds)))

    def counts(self, *, background: bool = False) -> Mapping[str, int]:
        """Course -> queued submissions, without courses that have none."""
        with self._changed:
            return (self._background if background else self._interactive).counts()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _new_slot(self, course: str) -> QueueSlot:
        with self._changed:
            if self.full or self._interactive.count(course) + self._reserved[course] >= self._course_capacity:
                raise QueueFullError(self.retry_after)
            self._reserved[course] += 1
        return QueueSlot(course)

    def _release(self, slot: QueueSlot) -> None:
        with self._changed:
            self._reserved[slot.course] -= slot.reserved
            slot.reserved = False
