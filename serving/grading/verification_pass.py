"""A second reading of a program, without text that could plead, sends upward differences to a person.

It never overwrites: the first reading's rating stays. Knows grades, no text and no engine.
"""

from collections.abc import Sequence

from labs_schema.grades import CriterionGrade, Status
from serving.scoring.triage import DIFFERS, NOT_READ_AGAIN


def accepted_alone(criteria: Sequence[CriterionGrade]) -> bool:
    """Whether any answer would be accepted on the first reading."""
    return any(answer.status is Status.ACCEPTED for answer in criteria)


def compared(first: Sequence[CriterionGrade], second: Sequence[CriterionGrade]) -> tuple[CriterionGrade, ...]:
    """`first`, with a reason for a review where an accepted answer gave more than `second` does."""
    return tuple(_compared(one, two) for one, two in zip(first, second, strict=True))


def _compared(first: CriterionGrade, second: CriterionGrade) -> CriterionGrade:
    if first.status is not Status.ACCEPTED or not (reason := _reason(first, second)):
        return first
    return first.model_copy(update={"status": Status.NEEDS_REVIEW, "review_reasons": (*first.review_reasons, reason)})


def _reason(first: CriterionGrade, second: CriterionGrade) -> str:
    """Without marks nobody knows which rating is higher, so that any other one counts."""
    if second.rating is None:
        return NOT_READ_AGAIN
    if first.marks is None or second.marks is None:
        return DIFFERS if first.rating != second.rating else ""
    return DIFFERS if first.marks > second.marks else ""
