"""LRU pool of loaded course models. Courses with the same model share a grader.

Only the engine thread calls it, except for `check_length`, `loaded_grader` and `loaded`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labs_schema.limits import CourseLimits
from labs_schema.models import Submission
from serving.courses.course_registry import ModelFacts, Registration
from serving.courses.errors import CourseRefusedError, UnknownCourseError
from serving.grading.grader import Grader

REFUSED_SECONDS = CourseLimits().refused_model_seconds
ModelKey = tuple[str, ModelFacts]
"""Path and facts."""


@dataclass(frozen=True)
class CheckedModel:
    """A model that `open` loads. `base` identifies the base in memory, the same for all adapters on it."""

    base: str
    open: Callable[[], Grader]


@dataclass(frozen=True)
class LoadedModel:
    base: str
    grader: Grader


class CourseModelPool:
    """`registered` returns the current registrations; it is called for every use. At most `max_bases` are open.

    `check` raises CourseRefusedError, as may opening its result. `check_length` raises OverlongError for a program that
    is too long for a model that is not loaded. `report` receives a message for each model loaded or refused.
    """

    def __init__(
        self,
        registered: Callable[[], Mapping[str, Registration]],
        check: Callable[[Registration], CheckedModel],
        *,
        max_bases: int,
        check_length: Callable[[Registration, Submission], None] = lambda *_: None,
        report: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registered, self._check, self._max_bases = registered, check, max_bases
        self._check_length, self._report, self._clock = check_length, report, clock
        self._open: OrderedDict[ModelKey, LoadedModel] = OrderedDict()  # least recently used first
        self._refused: dict[int, tuple[float, CourseRefusedError]] = {}
        self.loaded: Mapping[str, Grader] = {}

    def check_length(self, course: str, submission: Submission) -> None:
        if grader := self.loaded_grader(course):
            grader.check_length(submission)
        elif registration := self._registered().get(course):
            self._check_length(registration, submission)

    def load(self, course: str) -> Grader:
        """Raises UnknownCourseError, CourseRefusedError."""
        current = self._registered()
        try:
            self._close_all_except({_key(each) for each in current.values()})
            if course not in current:
                raise UnknownCourseError(f"The course {course!r} is no longer served here.")
            key = _key(current[course])
            if key not in self._open:
                self._open[key] = self._load(current[course])
            self._open.move_to_end(key)
            return self._open[key].grader
        finally:
            self._publish(current)

    def loaded_grader(self, course: str) -> Grader | None:
        return self.loaded.get(course)

    def close(self) -> None:
        self._close_all_except(set())

    def _load(self, registration: Registration) -> LoadedModel:
        until, refused = self._refused.get(registration.seq, (0.0, None))
        if refused is not None and self._clock() < until:
            raise refused
        try:
            checked = self._check(registration)
            self._make_room(checked.base)
            loaded = LoadedModel(checked.base, checked.open())
        except CourseRefusedError as error:
            self._refused[registration.seq] = self._clock() + REFUSED_SECONDS, error
            self._report(str(error))
            raise
        self._report(f"{registration.course}: {registration.model} is loaded")
        return loaded

    def _make_room(self, base: str) -> None:
        """Closes the least recently used models until `base` may be open too."""
        while len(bases := {loaded.base for loaded in self._open.values()} - {base}) >= self._max_bases:
            oldest = next(loaded.base for loaded in self._open.values() if loaded.base in bases)
            self._close_all_except({key for key, loaded in self._open.items() if loaded.base != oldest})

    def _close_all_except(self, keys: set[ModelKey]) -> None:
        for key in [key for key in self._open if key not in keys]:
            self._open.pop(key).grader.close()

    def _publish(self, current: Mapping[str, Registration]) -> None:
        """Replaces the mapping instead of changing it: other threads may be reading it."""
        found = {course: self._open.get(_key(each)) for course, each in current.items()}
        self.loaded = {course: loaded.grader for course, loaded in found.items() if loaded}


def _key(registration: Registration) -> ModelKey:
    return registration.model, registration.facts
