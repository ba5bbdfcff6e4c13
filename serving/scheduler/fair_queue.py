"""Round-robin fair queue across courses. Not thread-safe, except for `len`."""

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar


class HasCourse(Protocol):
    @property
    def course(self) -> str: ...


T = TypeVar("T", bound=HasCourse)


class FairQueue(Generic[T]):
    """One FIFO queue per course; `take` serves the courses in turn."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def count(self, course: str) -> int:
        return len(self._queues.get(course, ()))

    def counts(self) -> dict[str, int]:
        """Course -> queued items, without courses that have none."""
        return {course: len(queue) for course, queue in self._queues.items()}

    def append(self, item: T) -> None:
        self._queues.setdefault(item.course, deque()).append(item)
        self._count += 1

    def take(self, limit: int, preferred: str | None = None) -> list[T]:
        """Up to `limit` items of the next course, or of `preferred` if it has any. The course then moves to the end."""
        course = preferred if preferred is not None and preferred in self._queues else next(iter(self._queues))
        queue = self._queues.pop(course)
        taken = [queue.popleft() for _ in range(min(limit, len(queue)))]
        if queue:
            self._queues[course] = queue
        self._count -= len(taken)
        return taken
