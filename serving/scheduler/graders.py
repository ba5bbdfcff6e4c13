"""Interfaces of the engine thread: one grader, or a pool with one grader per course."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.grading.scoring_requests import ScoringRequest


class GradesSubmissions(Protocol):
    """The part of `Grader` that the engine thread uses."""

    def check_length(self, submission: Submission) -> None: ...

    def prepare(self, lab: Lab, submission: Submission) -> ScoringRequest: ...

    def grade_each(
        self,
        work: Sequence[tuple[Lab, Submission]],
        *,
        requests: Sequence[ScoringRequest | None] | None = None,
        reasoning: bool = False,
    ) -> list[Grade]: ...

    def close(self) -> None: ...


@runtime_checkable
class ModelPool(Protocol):
    """A grader per course. Only the engine thread calls `load` and `close`; the rest is thread-safe."""

    def check_length(self, course: str, submission: Submission) -> None:
        """Like the grader's `check_length`, whether or not the course's model is loaded."""
        ...

    def load(self, course: str) -> GradesSubmissions:
        """The course's grader, loaded if necessary. Raises whatever prevents loading."""
        ...

    def loaded_grader(self, course: str) -> GradesSubmissions | None:
        """The course's grader if it is loaded."""
        ...

    @property
    def loaded(self) -> Mapping[str, GradesSubmissions]:
        """A snapshot of course -> grader."""
        ...

    def close(self) -> None: ...


class OneGrader:
    """A model pool with one grader for every course."""

    def __init__(self, grader: GradesSubmissions) -> None:
        self.loaded: Mapping[str, GradesSubmissions] = {"": grader}
        self._grader = grader

    def check_length(self, _: str, submission: Submission) -> None:
        self._grader.check_length(submission)

    def load(self, _: str) -> GradesSubmissions:
        return self._grader

    def loaded_grader(self, _: str) -> GradesSubmissions | None:
        return self._grader

    def close(self) -> None:
        self._grader.close()


@dataclass(frozen=True)
class PreparedSubmission:
    """A scoring request. Only the grader that built it may use it: another model has another tokenizer."""

    request: ScoringRequest
    grader: GradesSubmissions

    def request_for(self, grader: GradesSubmissions) -> ScoringRequest | None:
        return self.request if self.grader is grader else None
