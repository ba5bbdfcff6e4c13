"""Which courses are served, with what labs. Knows no model and no HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from serving.api.lab_registry import LabRegistry, read_registry
from serving.courses.book import CourseBook
from serving.courses.errors import UnknownCourseError


@dataclass(frozen=True)
class ServedCourse:
    """`folder` holds the course's labs; None where requests bring their own rubric."""

    name: str
    labs: LabRegistry = field(default_factory=LabRegistry)
    folder: Path | None = None


class Courses(Protocol):
    """From any thread."""

    def names(self) -> tuple[str, ...]: ...

    def course(self, name: str) -> ServedCourse:
        """Raises UnknownCourseError."""
        ...


class OneCourse:
    """The course of a service that was started with one model."""

    def __init__(self, name: str, labs: LabRegistry, folder: Path | None = None) -> None:
        self._course = ServedCourse(name, labs, folder)

    def names(self) -> tuple[str, ...]:
        return (self._course.name,)

    def course(self, name: str) -> ServedCourse:
        if name != self._course.name:
            raise UnknownCourseError(f"The course {name!r} is not served here.")
        return self._course


class RegisteredCourses:
    """The courses that the store has now: what is added, changed or removed counts from the next request on.

    `told`: is called with a course when its labs were read, and what is wrong with them.
    """

    def __init__(self, book: CourseBook, read: Callable[[str, Path], LabRegistry] | None = None) -> None:
        self._book, self._read = book, read or (lambda _, folder: read_registry(folder)[0])
        self._known: dict[str, tuple[int, ServedCourse]] = {}
        self._lock = Lock()

    def names(self) -> tuple[str, ...]:
        return tuple(self._book.registered())

    def course(self, name: str) -> ServedCourse:
        registration = self._book.registered().get(name)
        with self._lock:
            if registration is None:
                self._known.pop(name, None)
                raise UnknownCourseError(f"The course {name!r} is not served here.")
            seq, known = self._known.get(name, (0, None))
            if known is None or seq != registration.seq:
                folder = Path(registration.labs) if registration.labs else None
                labs = self._read(name, folder) if folder else LabRegistry()
                known = ServedCourse(name, labs, folder)
                self._known[name] = registration.seq, known
            return known
