"""`grader` with a synthetic model: `python -m tests.harness.processes.synthetic_command SECONDS regrade ...`.

SECONDS: the model's time for a submission.
"""

import sys
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import grader.regrade.regrade
from grader.cli import main
from tests.harness.courses.synthetic_lab import expected_grade


class Model:
    engine = SimpleNamespace(name="hash", version="1", context_length=1, close=lambda: None)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def grade(self, lab: Any, submissions: Sequence[Any], *, reasoning: bool = False) -> list[Any]:  # noqa: ARG002
        time.sleep(self._seconds * len(submissions))
        return [expected_grade(lab, each) for each in submissions]

    def provenance(self, lab: Any, submission: Any, *, reasoning: bool = False) -> Any:  # noqa: ARG002
        return expected_grade(lab, submission).provenance

    def close(self) -> None: ...


if __name__ == "__main__":
    model = Model(float(sys.argv.pop(1)))
    grader.regrade.regrade.load_grader = lambda *_, **__: model  # type: ignore[assignment, return-value]
    main()
