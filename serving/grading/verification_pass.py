"""Compares a grade with that of the sanitized submission, and sends higher ratings to human review.

The verification pass never changes a rating.
"""

from collections.abc import Sequence

from labs_schema.grades import CriterionGrade, Status
from serving.scoring.triage import ReviewCode

DIFFERS = ReviewCode.VERIFICATION_DIFFERS.reason("the program without comments and other free text is rated lower")
FAILED = ReviewCode.VERIFICATION_FAILED.reason("the program without comments and other free text got no rating")


def verified(first: Sequence[CriterionGrade], second: Sequence[CriterionGrade]) -> tuple[CriterionGrade, ...]:
    """`first`, with a reason for review for each accepted answer with more marks than in `second`."""
    return tuple(_verified(one, other) for one, other in zip(first, second, strict=True))


def _verified(first: CriterionGrade, second: CriterionGrade) -> CriterionGrade:
    if first.status is not Status.ACCEPTED or not (reason := _reason(first, second)):
        return first
    return first.model_copy(update={"status": Status.NEEDS_REVIEW, "review_reasons": (*first.review_reasons, reason)})


def _reason(first: CriterionGrade, second: CriterionGrade) -> str:
    if second.rating is None:
        return FAILED
    if first.marks is None or second.marks is None:
        # Without marks the higher of two ratings is unknown, so any difference counts.
        return DIFFERS if first.rating != second.rating else ""
    return DIFFERS if first.marks > second.marks else ""
