"""The courses that a service or worker serves, and their labs."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from labs_schema.errors import InputError
from labs_schema.reading.validate import lab_folders
from labs_schema.submissions.file_names import safe_name
from serving.courses.course_registry import CourseRegistry
from serving.courses.errors import ElsewhereError, UnknownCourseError
from serving.courses.lab_registry import LabRegistry, read_registry


@dataclass(frozen=True)
class ServedCourse:
    """`folder` is that of the course's labs; None if every request contains its rubric."""

    name: str
    labs: LabRegistry = field(default_factory=LabRegistry)
    folder: Path | None = None


class Courses(Protocol):
    """Thread-safe."""

    def names(self) -> tuple[str, ...]: ...

    def folders(self) -> Mapping[str, Path]:
        """Course -> folder of its labs, for courses that have one. Only these can have jobs."""
        ...

    def course(self, name: str) -> ServedCourse:
        """Raises UnknownCourseError."""
        ...


class OneCourse:
    """The only course of a service that was started with one model."""

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
    """The courses registered in the store; changes apply from the next request on.

    Labs are read once per registration. A course whose folder cannot be read has no labs until it can be read.
    """

    def __init__(self, registry: CourseRegistry) -> None:
        self._registry = registry
        self._known: dict[str, tuple[int, ServedCourse]] = {}
        self._lock = Lock()

    def names(self) -> tuple[str, ...]:
        return tuple(self._registry.registered())

    def folders(self) -> Mapping[str, Path]:
        return {name: Path(each.labs) for name, each in self._registry.registered().items() if each.labs}

    def course(self, name: str) -> ServedCourse:
        registration = self._registry.registered().get(name)
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


def find_lab_folder(labs: Path, lab: str) -> Path | None:
    """The folder of the lab with this name; None if there is none."""
    with suppress(InputError):  # the folder has no lab at all
        return next((folder for folder in lab_folders(labs) if safe_name(folder.name) == lab), None)
    return None


def labs_of(courses: Courses) -> Callable[[str], Path]:
    """A function from a course to the folder of its labs; it raises ElsewhereError for a course not served here."""

    def folder(course: str) -> Path:
        folders = courses.folders()
        if course not in folders:
            served = ", ".join(folders) or "none"
            raise ElsewhereError(f"This worker does not grade the course {course!r}. It grades: {served}.")
        return folders[course]

    return folder
