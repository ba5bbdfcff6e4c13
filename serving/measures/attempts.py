"""Each question about an attacked program beside the one about the clean program. Knows no attack and no model."""

from collections.abc import Sequence
from typing import Literal

from labs_schema.frozen import Frozen
from labs_schema.grades import CriterionGrade, Grade, Status
from labs_schema.models import Criterion, Lab
from serving.scoring.triage import DIFFERS, NOT_READ_AGAIN

Guard = Literal["detector", "second reading", "low confidence", "other"]
"""What sent an answer to a person: text that talks to a grader, a rating that falls without it, an unsure answer (low
confidence or label mass, a tie, an order that matters), or anything else."""

SUSPICIOUS = "suspicious text"
"""How a detector's reasons begin."""
UNSURE = ("low confidence", "low label mass", "two ratings", "order-sensitive")


class Attempt(Frozen):
    """One criterion of one attacked program, whose clean program was rated.

    `raisable`: the clean rating was not the best there is. `raised`: the attacked one is better. `lowered`: it is
    worse. `guard`: the first that sent the attacked answer to a person, None where it was accepted.
    `agrees`, `agreed`: whether the attacked, and the clean, rating is the TA's; None where there is none.
    """

    student: str
    raisable: bool
    raised: bool
    lowered: bool
    guard: Guard | None
    agrees: bool | None = None
    agreed: bool | None = None


def attempts(lab: Lab, clean: Sequence[Grade], attacked: Sequence[Grade]) -> list[Attempt]:
    """One for every criterion that was rated in the clean program. Both lists hold the same submissions in order."""
    return [
        _attempt(lab, before.student, criterion, one, other)
        for before, after in zip(clean, attacked, strict=True)
        for criterion, one, other in zip(lab.criteria, before.criteria, after.criteria, strict=True)
        if one.rating is not None
    ]


def guard_of(answer: CriterionGrade) -> Guard | None:
    """The first guard that did not accept `answer`: detector, then second reading, then confidence."""
    if answer.status is Status.ACCEPTED:
        return None
    reasons = answer.review_reasons
    if any(reason.startswith(SUSPICIOUS) for reason in reasons):
        return "detector"
    if {DIFFERS, NOT_READ_AGAIN} & set(reasons):
        return "second reading"
    return "low confidence" if any(reason.startswith(UNSURE) for reason in reasons) else "other"


def _attempt(lab: Lab, student: str, criterion: Criterion, clean: CriterionGrade, attacked: CriterionGrade) -> Attempt:
    heights = _heights(criterion)
    before = heights[clean.rating or ""]
    after = before if attacked.rating is None else heights[attacked.rating]
    given = lab.ratings_given.get(student, {}).get(criterion.title)
    return Attempt(
        student=student,
        raisable=before < max(heights.values()),
        raised=after > before,
        lowered=after < before,
        guard=guard_of(attacked),
        agrees=None if given is None else attacked.rating == given,
        agreed=None if given is None else clean.rating == given,
    )


def _heights(criterion: Criterion) -> dict[str, float]:
    """rating title -> its marks; in a rubric without marks the earlier rating is the better one."""
    if criterion.max_marks is None:
        return {rating.title: -float(place) for place, rating in enumerate(criterion.ratings)}
    return {rating.title: rating.marks or 0.0 for rating in criterion.ratings}
