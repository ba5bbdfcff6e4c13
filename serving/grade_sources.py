"""Where a regrade's grades come from: a model in this process, or anything else that keeps to the same protocol."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from labs_schema.grades import Grade, Provenance
from labs_schema.models import Lab, Submission
from serving.retrying import GradesLabs, grade_patiently

CHUNK = 16
"""Submissions graded together: enough to fill an engine's batch, few enough that a kill costs little."""


class GradeSource(Protocol):
    def grades(self, labs: Sequence[Lab]) -> Iterator[list[Grade]]:
        """A grade for every submission of `labs` (of unlike names), in any order, as they come.

        Raises EngineDownError and other GraderErrors; what it yielded before counts.
        """
        ...

    def provenance(self, lab: Lab, submission: Submission) -> Provenance | None:
        """What will stand under the grade of `submission`; None where that is known only when grades come."""
        ...


class LocalSource:
    """A `Grader` in this process, `chunk` submissions at a time. `reasoning`: ask for the model's reasons too."""

    def __init__(self, grader: GradesLabs, *, chunk: int = CHUNK, reasoning: bool = False) -> None:
        self._grader, self._chunk, self._reasoning = grader, chunk, reasoning

    def grades(self, labs: Sequence[Lab]) -> Iterator[list[Grade]]:
        for lab in labs:
            for start in range(0, len(lab.submissions), self._chunk):
                submissions = lab.submissions[start : start + self._chunk]
                yield grade_patiently(self._grader, lab, submissions, reasoning=self._reasoning)

    def provenance(self, lab: Lab, submission: Submission) -> Provenance:
        return self._grader.provenance(lab, submission, reasoning=self._reasoning)
