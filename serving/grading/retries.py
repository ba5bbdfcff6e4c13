"""Grading that bears failures: what one submission breaks costs no other its grade. Knows no disk and no queue."""

from collections.abc import Callable, Sequence
from typing import Protocol

from labs_schema.errors import GraderError
from labs_schema.grades import Grade, Provenance
from labs_schema.models import Lab, SourceFile, Submission
from serving.engines.engine import EngineDownError
from serving.grading.criterion_grades import ungraded

TRIES = 3


class GradesLabs(Protocol):
    """The part of a `Grader` that a regrade needs."""

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]: ...

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance: ...


def grade_patiently(
    grader: GradesLabs, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False
) -> list[Grade]:
    """Grades `submissions` together, in their order; each that fails, or has an answer that does, again by itself.

    One that fails `TRIES` times alone is ungraded with the reason, if the engine still grades something else. Raises
    EngineDownError where it does not.
    """
    try:
        together: Sequence[Grade | None] = grader.grade(lab, submissions, reasoning=reasoning)
    except EngineDownError:
        raise
    except Exception:
        together = [None] * len(submissions)
    return [
        grade if grade and not _has_gaps(grade) else _graded_alone(grader, lab, submission, reasoning)
        for submission, grade in zip(submissions, together, strict=True)
    ]


def all_ungraded(lab: Lab, student: str, origin: Provenance, reason: str) -> Grade:
    """For a person to grade."""
    criteria = tuple(ungraded(criterion, reason) for criterion in lab.criteria)
    return Grade(lab=lab.name, student=student, criteria=criteria, provenance=origin)


def asked_again(ask: Callable[[Sequence[Submission]], list[Grade]], submission: Submission, grade: Grade) -> Grade:
    """`grade`, or where it has an answer that failed a better one: `ask` is asked for it alone, `TRIES` times at
    most."""
    for _ in range(TRIES):
        if not _has_gaps(grade):
            break
        grade = min(grade, *ask([submission]), key=_gaps)
    return grade


def _graded_alone(grader: GradesLabs, lab: Lab, submission: Submission, reasoning: bool) -> Grade:
    grade, failure = None, None
    for _ in range(TRIES):
        try:
            [grade] = grader.grade(lab, [submission], reasoning=reasoning)
        except EngineDownError:
            raise
        except Exception as error:
            failure = error
            continue
        if not _has_gaps(grade):
            break
    if grade is None:
        assert failure is not None
        _check_engine(grader, lab, failure)
        origin = grader.provenance(lab, submission, reasoning=reasoning)
        grade = all_ungraded(lab, submission.student, origin, f"grading failed {TRIES} times: {_told(failure)}")
    return grade


def _check_engine(grader: GradesLabs, lab: Lab, failure: Exception) -> None:
    """A submission is to blame only if the engine bears another. Raises EngineDownError."""
    harmless = Submission(student="", folder="", files=(SourceFile(path="main.txt", text="nothing\n"),))
    try:
        grader.grade(lab, [harmless])
    except Exception:
        raise EngineDownError(f"The engine grades nothing any more: {_told(failure)}.") from failure


def _has_gaps(grade: Grade) -> bool:
    return _gaps(grade) > 0


def _gaps(grade: Grade) -> int:
    return sum(answer.ungraded is not None for answer in grade.criteria)


def _told(error: Exception) -> str:
    """Of an error that is not ours only its kind: its text may hold a piece of somebody's program."""
    return str(error)[:300] if isinstance(error, GraderError) else type(error).__name__
