"""A grader that works when it is told to."""

import threading
from collections.abc import Sequence

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.models import Lab, Submission
from serving.grading.scoring_requests import ScoringRequest

ORIGIN = Provenance(**dict.fromkeys(Provenance.model_fields, "0"))


class SlowGrader:
    """Rates every criterion A, one call at a time, each only once `go` is set. `calls` holds the students of each."""

    def __init__(self) -> None:
        self.go, self.busy, self.closed = threading.Event(), threading.Event(), False
        self.calls: list[list[str]] = []
        self.poison: str | None = None
        self.error: Exception = RuntimeError("the engine broke")
        self.rated = True
        self.reasoned: list[bool] = []
        self.sheets: list[object] = []

    def check_length(self, submission: Submission) -> None: ...

    def prepare(self, lab: Lab, submission: Submission) -> ScoringRequest:
        del lab, submission
        return ScoringRequest()

    def grade_each(
        self, work: Sequence[tuple[Lab, Submission]], *, sheets: object = None, reasoning: bool = False
    ) -> list[Grade]:
        self.sheets.append(sheets)
        self.reasoned.append(reasoning)
        self.calls.append([submission.student for _, submission in work])
        self.busy.set()
        assert self.go.wait(5)
        if self.poison in self.calls[-1]:
            raise self.error
        rating = {"rating": "A"} if self.rated else {"ungraded": "empty"}
        answer = CriterionGrade(criterion="c", **rating)
        return [Grade(lab=lab.name, student=s.student, criteria=(answer,), provenance=ORIGIN) for lab, s in work]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def new_grader() -> type[SlowGrader]:
    return SlowGrader


@pytest.fixture
def grader() -> SlowGrader:
    return SlowGrader()
