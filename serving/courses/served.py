"""Which courses are served, with what labs. Knows no model and no HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Protocol

from labs_schema.errors import InputError
from serving.courses.course_registry import CourseRegistry
from serving.courses.errors import ElsewhereError, UnknownCourseError
from serving.courses.lab_registry import LabRegistry, read_registry


@dataclass(frozen=True)
class ServedCourse:
    """`folder` holds the course's labs; None where requests bring their own rubric."""

    name: str
    labs: LabRegistry = field(default_factory=LabRegistry)
    folder: Path | None = None


class Courses(Protocol):
    """From any thread."""

    def names(self) -> tuple[str, ...]: ...

    def folders(self) -> Mapping[str, Path]:
        """Course -> where its labs are: the courses whose jobs can be worked on."""
        ...

    def course(self, name: str) -> ServedCourse:
        """Raises UnknownCourseError."""
        ...


class OneCourse:
    """The course of a service that was started with one model."""

    def __init__(self, name: str, labs: LabRegistry, folder: Path | None = None) -> None:
        self._course = ServedCourse(name, labs, folder)

    def names(self) -> tuple[str, ...]:
        return (self._course.name,)

    def folders(self) -> Mapping[str, Path]:
        return {self._course.name: self._course.folder} if self._course.folder else {}

    def course(self, name: str) -> ServedCourse:
        if name != self._course.name:
            raise UnknownCourseError(f"The course {name!r} is not served here.")
        return self._course


class RegisteredCourses:
    """The courses that the store has now: what is added, changed or removed counts from the next request on.

    Their labs are read once for every registration; a course whose folder cannot be read has none until it can.
    """

    def __init__(self, book: CourseRegistry) -> None:
        self._book = book
        self._known: dict[str, tuple[int, ServedCourse]] = {}
        self._lock = Lock()

    def names(self) -> tuple[str, ...]:
        return tuple(self._book.registered())

    def folders(self) -> Mapping[str, Path]:
        return {name: Path(each.labs) for name, each in self._book.registered().items() if each.labs}

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
                except (InputError, OSError):
                    return ServedCourse(name, folder=folder)
                known = ServedCourse(name, labs, folder)
                self._known[name] = registration.seq, known
            return known


def labs_of(courses: Courses) -> Callable[[str], Path]:
    """For a worker: the folder of a course's labs. Raises ElsewhereError for a course that has none here."""
    return partial(_labs_of, courses)


def _labs_of(courses: Courses, course: str) -> Path:
    folders = courses.folders()
    if course not in folders:
        served = ", ".join(folders) or "none"
        raise ElsewhereError(f"The course {course!r} is not graded by this worker, which has {served}.")
    return folders[course]
