"""What the engine's thread grades with: a grader, or a shelf of them with one a course. Knows no queue and no HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.grading.scoring_requests import ScoringRequest


class GradesSubmissions(Protocol):
    """The part of a `Grader` that the thread needs."""

    def check_length(self, submission: Submission) -> None: ...

    def prepare(self, lab: Lab, submission: Submission) -> ScoringRequest: ...

    def grade_each(
        self,
        work: Sequence[tuple[Lab, Submission]],
        *,
        sheets: Sequence[ScoringRequest | None] | None = None,
        reasoning: bool = False,
    ) -> list[Grade]: ...

    def close(self) -> None: ...


@runtime_checkable
class ModelPool(Protocol):
    """A grader for each course. `of` and `close` belong to the engine's thread, the others to any."""

    def check_length(self, course: str, submission: Submission) -> None:
        """As the grader's own `check_length`, whether or not it is loaded."""
        ...

    def of(self, course: str) -> GradesSubmissions:
        """The course's grader, loaded now where it is not. Raises what keeps it from being loaded."""
        ...

    def ready(self, course: str) -> GradesSubmissions | None:
        """The course's grader where it is loaded."""
        ...

    @property
    def loaded(self) -> Mapping[str, GradesSubmissions]:
        """Course -> grader, as they are this moment."""
        ...

    def close(self) -> None: ...


class OneGrader:
    """One grader, for whatever course."""

    def __init__(self, grader: GradesSubmissions) -> None:
        self.loaded: Mapping[str, GradesSubmissions] = {"": grader}
        self._grader = grader

    def check_length(self, _: str, submission: Submission) -> None:
        self._grader.check_length(submission)

    def of(self, _: str) -> GradesSubmissions:
        return self._grader

    def ready(self, _: str) -> GradesSubmissions | None:
        return self._grader

    def close(self) -> None:
        self._grader.close()


@dataclass(frozen=True)
class PreparedSubmission:
    """A sheet, which only the grader that made it can use: another model reads other tokens."""

    sheet: ScoringRequest
    by: GradesSubmissions

    def for_(self, grader: GradesSubmissions) -> ScoringRequest | None:
        return self.sheet if self.by is grader else None
