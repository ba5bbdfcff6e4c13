"""The graders of the courses that are used: loaded when they are asked for, the one unused longest closed for another.

Courses with the same model share its grader. Only the engine thread calls it, except for `check_length`,
`loaded_grader` and `loaded`. Knows no HTTP, and no kind of engine.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labs_schema.models import Submission
from serving.courses.errors import CourseRefusedError, UnknownCourseError
from serving.courses.registration import ModelFacts, Registration
from serving.grading.grader import Grader

REFUSED_SECONDS = 30.0
"""For so long a model that was refused is not looked at again: a look reads all of its weights."""
Model = tuple[str, ModelFacts]
"""Where it is, and what it must be."""


@dataclass(frozen=True)
class Checked:
    """A model that may be loaded, by `open`. `base`: what it shares its memory with, alike for adapters on one base."""

    base: str
    open: Callable[[], Grader]


@dataclass(frozen=True)
class Loaded:
    base: str
    grader: Grader


class CourseModelPool:
    """`registered`: course -> what it uses now, asked at every call. `check` raises CourseRefusedError, as may the
    opening of what it returns. `lengths` raises OverlongError for a program that is too long for a model that is not
    loaded. At most `most` bases are open at a time. `told` hears what was loaded or refused.
    """

    def __init__(
        self,
        registered: Callable[[], Mapping[str, Registration]],
        check: Callable[[Registration], Checked],
        *,
        most: int,
        lengths: Callable[[Registration, Submission], None] = lambda *_: None,
        told: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registered, self._check, self._most, self._told, self._clock = registered, check, most, told, clock
        self._lengths = lengths
        self._held: OrderedDict[Model, Loaded] = OrderedDict()
        self._refused: dict[int, tuple[float, CourseRefusedError]] = {}
        self.loaded: Mapping[str, Grader] = {}

    def check_length(self, course: str, submission: Submission) -> None:
        if grader := self.loaded_grader(course):
            grader.check_length(submission)
        elif registration := self._registered().get(course):
            self._lengths(registration, submission)

    def load(self, course: str) -> Grader:
        """Raises UnknownCourseError, CourseRefusedError."""
        now = self._registered()
        try:
            self._close_all_but({_model(each) for each in now.values()})
            if course not in now:
                raise UnknownCourseError(f"The course {course!r} is not served here any more.")
            model = _model(now[course])
            if model not in self._held:
                self._held[model] = self._opened(now[course])
            self._held.move_to_end(model)
            return self._held[model].grader
        finally:
            self._publish(now)

    def loaded_grader(self, course: str) -> Grader | None:
        return self.loaded.get(course)

    def close(self) -> None:
        self._close_all_but(set())

    def _opened(self, registration: Registration) -> Loaded:
        until, refused = self._refused.get(registration.seq, (0.0, None))
        if refused is not None and self._clock() < until:
            raise refused
        try:
            checked = self._check(registration)
            self._make_room(checked.base)
            loaded = Loaded(checked.base, checked.open())
        except CourseRefusedError as error:
            self._refused[registration.seq] = self._clock() + REFUSED_SECONDS, error
            self._told(str(error))
            raise
        self._told(f"{registration.course}: {registration.model} is loaded")
        return loaded

    def _make_room(self, base: str) -> None:
        """Closes what was unused longest, until `base` may be open too."""
        while len(bases := {loaded.base for loaded in self._held.values()} - {base}) >= self._most:
            oldest = next(loaded.base for loaded in self._held.values() if loaded.base in bases)
            self._close_all_but({model for model, loaded in self._held.items() if loaded.base != oldest})

    def _close_all_but(self, kept: set[Model]) -> None:
        for model in [model for model in self._held if model not in kept]:
            self._held.pop(model).grader.close()

    def _publish(self, now: Mapping[str, Registration]) -> None:
        """A new mapping, for whoever reads it in another thread meanwhile."""
        held = {course: self._held.get(_model(each)) for course, each in now.items()}
        self.loaded = {course: loaded.grader for course, loaded in held.items() if loaded}


def _model(registration: Registration) -> Model:
    return registration.model, registration.facts
