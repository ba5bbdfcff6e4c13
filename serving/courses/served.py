"""Which courses are served, with what labs. Knows no model and no HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Protocol

from labs_schema.errors import FaultsError
from serving.api.lab_registry import LabRegistry, read_registry
from serving.courses.book import CourseBook
from serving.courses.errors import UnknownCourseError
from serving.jobs.errors import LabChangedError


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

    Their labs are read once for every registration; a course whose folder cannot be read has none until it can.
    """

    def __init__(self, book: CourseBook) -> None:
        self._book = book
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
                try:
                    labs = read_registry(folder)[0] if folder else LabRegistry()
                except (FaultsError, OSError):
                    return ServedCourse(name, folder=folder)
                known = ServedCourse(name, labs, folder)
                self._known[name] = registration.seq, known
            return known


def labs_of(courses: Courses) -> Callable[[str], Path]:
    """For a worker: the folder of a course's labs. Raises LabChangedError for a course that is not served here."""
    return partial(_labs_of, courses)


def _labs_of(courses: Courses, course: str) -> Path:
    try:
        folder = courses.course(course).folder
    except UnknownCourseError:
        served = ", ".join(courses.names())
        raise LabChangedError(f"The course {course!r} is not graded by this worker, which has {served}.") from None
    if folder is None:
        raise LabChangedError(f"The course {course!r} was registered without labs: grader courses add --labs.")
    return folder
