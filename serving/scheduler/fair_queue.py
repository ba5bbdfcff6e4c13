"""Submissions that wait, by course. Courses take turns, so that no course stands behind another's thousands.

Knows no clock and no lock: its owner calls it from one thread at a time, but for `len`.
"""

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    @property
    def course(self) -> str: ...


W = TypeVar("W", bound=Waiting)


class FairQueue(Generic[W]):
    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[W]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def of(self, course: str) -> int:
        """How many of `course` wait."""
        return len(self._queues.get(course, ()))

    def counts(self) -> dict[str, int]:
        """Course -> how many wait, of those that have any."""
        return {course: len(queue) for course, queue in self._queues.items()}

    def append(self, each: W) -> None:
        self._queues.setdefault(each.course, deque()).append(each)
        self._count += 1

    def take(self, most: int, stay: str | None = None) -> list[W]:
        """Up to `most` of the course whose turn it is, or of `stay` where that waits; it is then the last again."""
        course = stay if stay is not None and stay in self._queues else next(iter(self._queues))
        queue = self._queues.pop(course)
        taken = [queue.popleft() for _ in range(min(most, len(queue)))]
        if queue:
            self._queues[course] = queue
        self._count -= len(taken)
        return taken
