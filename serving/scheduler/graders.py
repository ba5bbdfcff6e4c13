"""What the engine's thread grades with: a grader, or a shelf of them with one a course. Knows no queue and no HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.grading.scoring_requests import Sheet


class Grades(Protocol):
    """The part of a `Grader` that the thread needs."""

    def check_length(self, submission: Submission) -> None: ...

    def prepare(self, lab: Lab, submission: Submission) -> Sheet: ...

    def grade_each(
        self,
        work: Sequence[tuple[Lab, Submission]],
        *,
        sheets: Sequence[Sheet | None] | None = None,
        reasoning: bool = False,
    ) -> list[Grade]: ...

    def close(self) -> None: ...


@runtime_checkable
class Shelf(Protocol):
    """A grader for each course. `of` and `close` belong to the engine's thread, the others to any."""

    def check_length(self, course: str, submission: Submission) -> None:
        """As the grader's own `check_length`, whether or not it is loaded."""
        ...

    def of(self, course: str) -> Grades:
        """The course's grader, loaded now where it is not. Raises what keeps it from being loaded."""
        ...

    def ready(self, course: str) -> Grades | None:
        """The course's grader where it is loaded."""
        ...

    @property
    def loaded(self) -> Mapping[str, Grades]:
        """Course -> grader, as they are this moment."""
        ...

    def close(self) -> None: ...


class OneGrader:
    """One grader, for whatever course."""

    def __init__(self, grader: Grades) -> None:
        self.loaded: Mapping[str, Grades] = {"": grader}
        self._grader = grader

    def check_length(self, _: str, submission: Submission) -> None:
        self._grader.check_length(submission)

    def of(self, _: str) -> Grades:
        return self._grader

    def ready(self, _: str) -> Grades | None:
        return self._grader

    def close(self) -> None:
        self._grader.close()


@dataclass(frozen=True)
class Prepared:
    """A sheet, which only the grader that made it can use: another model reads other tokens."""

    sheet: Sheet
    by: Grades

    def for_(self, grader: Grades) -> Sheet | None:
        return self.sheet if self.by is grader else None
