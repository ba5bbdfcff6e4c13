"""Isolation: a submission that breaks its batch is tried alone, once, and costs no other submission its grade."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from labs_schema.errors import GraderError
from labs_schema.grades import Grade, Provenance
from labs_schema.models import Criterion, Lab, SourceFile, Submission
from serving.engines.engine import EngineDownError
from serving.grading.criterion_grades import ungraded

PROBE = Submission(
    student="probe", folder="probe", files=(SourceFile(path="main.c", text="int main(void) { return 0; }\n"),)
)
"""A harmless program: if it cannot be graded, the engine is broken and not the submission before it."""

GradeBatch = Callable[[Sequence[Submission]], list[Grade]]
Outcome = Grade | Exception
"""A grade, or the exception that was raised when the submission was graded alone."""


class GradesLabs(Protocol):
    """The part of a `Grader` that a regrade needs."""

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]: ...

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance: ...


def grade_isolated(grade: GradeBatch, submissions: Sequence[Submission]) -> list[Outcome]:
    """Grades a batch, in its order; if that raises, each of its submissions alone. Raises EngineDownError."""

    def attempt(batch: Sequence[Submission]) -> list[Outcome]:
        try:
            return list(grade(batch))
        except EngineDownError:
            raise
        except Exception as error:
            return [error] if len(batch) == 1 else [attempt([submission])[0] for submission in batch]

    return retry_gaps(attempt, submissions, attempt(submissions))


def retry_gaps(
    grade: Callable[[Sequence[Submission]], Sequence[Outcome]],
    submissions: Sequence[Submission],
    outcomes: Sequence[Outcome],
) -> list[Outcome]:
    """Grades each submission that has ungraded criteria once more, alone, and returns the grade with fewer of them."""
    return [
        min([outcome, *(each for each in grade([submission]) if isinstance(each, Grade))], key=_gaps)
        if isinstance(outcome, Grade) and _gaps(outcome)
        else outcome
        for submission, outcome in zip(submissions, outcomes, strict=True)
    ]


def all_ungraded(
    lab: str, student: str, criteria: Sequence[Criterion], reason: str, provenance: Provenance | None = None
) -> Grade:
    """A grade without ratings, for human review."""
    return Grade(
        lab=lab, student=student, criteria=tuple(ungraded(each, reason) for each in criteria), provenance=provenance
    )


def without_model(lab: Lab, reasons: Mapping[str, str]) -> tuple[list[Submission], list[Grade]]:
    """Submissions without files and their ungraded grades, to be recorded so that a person can rate the students.

    `reasons`: student -> why no model graded the submission.
    """
    submissions = [Submission(student=student, folder=student, files=()) for student in reasons]
    return submissions, [all_ungraded(lab.name, student, lab.criteria, why) for student, why in reasons.items()]


def summary(error: Exception) -> str:
    """Only the type of an error from elsewhere: its text may quote a student's program."""
    return str(error)[:300] if isinstance(error, GraderError) else type(error).__name__


def _gaps(grade: Grade) -> int:
    return sum(answer.ungraded is not None for answer in grade.criteria)
