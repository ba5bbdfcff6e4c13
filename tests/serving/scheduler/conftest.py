"""A grader that blocks until a test lets it continue."""

import threading
from collections.abc import Sequence

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.models import Lab, Submission
from serving.grading.scoring_requests import ScoringRequest

PROVENANCE = Provenance(**dict.fromkeys(Provenance.model_fields, "0"))


class BlockingGrader:
    """Rates every criterion A, one call at a time, each once `proceed` is set. `calls` holds each call's students."""

    def __init__(self) -> None:
        self.proceed, self.called, self.closed = threading.Event(), threading.Event(), False
        self.calls: list[list[str]] = []
        self.failing_student: str | None = None
        self.error: Exception = RuntimeError("the engine broke")
        self.scores = True
        self.reasoning: list[bool] = []
        self.requests: list[object] = []

    def check_length(self, submission: Submission) -> None: ...

    def prepare(self, lab: Lab, submission: Submission) -> ScoringRequest:
        del lab, submission
        return ScoringRequest()

    def grade_each(
        self, work: Sequence[tuple[Lab, Submission]], *, requests: object = None, reasoning: bool = False
    ) -> list[Grade]:
        self.requests.append(requests)
        self.reasoning.append(reasoning)
        self.calls.append([submission.student for _, submission in work])
        self.called.set()
        assert self.proceed.wait(5)
        if self.failing_student in self.calls[-1]:
            raise self.error
        rating = {"rating": "A"} if self.scores else {"ungraded": "empty"}
        criterion = CriterionGrade(criterion="c", **rating)
        return [Grade(lab=lab.name, student=s.student, criteria=(criterion,), provenance=PROVENANCE) for lab, s in work]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def new_grader() -> type[BlockingGrader]:
    return BlockingGrader


@pytest.fixture
def grader() -> BlockingGrader:
    return BlockingGrader()
