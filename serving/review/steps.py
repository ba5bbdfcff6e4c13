"""Steps that decided many submissions at once, and taking one back."""

from labs_schema.frozen import Frozen
from serving.review.index import LabReview
from serving.store.choices import Choice
from serving.store.overrides import Action

BULK = "bulk-"
"""Prefix of the request that accepts all proposals above the threshold: no one looked at each alone."""
GROUP = "group-"
"""Prefix of the request that gives the members of a group of equal answers the same rating."""


class Step(Frozen):
    """`count` decisions of one request that are still active."""

    request: str
    actor: str
    at: str
    criterion: str
    rating: str | None
    count: int


def active_steps(review: LabReview, prefix: str) -> list[Step]:
    """The newest first."""
    found: dict[str, Step] = {}
    for item in review.items.values():
        for each in item.criteria:
            for record in each.decision.active:
                if record.request.startswith(prefix):
                    count = found[record.request].count + 1 if record.request in found else 1
                    found[record.request] = Step(
                        request=record.request,
                        actor=record.actor,
                        at=record.at,
                        criterion=each.title,
                        rating=record.new,
                        count=count,
                    )
    return sorted(found.values(), key=lambda each: each.at, reverse=True)


def undo_choices(review: LabReview, step: str) -> list[Choice]:
    """The choices that take a step back, except where someone has decided since."""
    if not step.startswith((BULK, GROUP)):
        return []
    return [
        Choice(
            grade=item.grade,
            criterion=each.title,
            action=Action.UNDO,
            undone=record.id,
            revision=item.revision(each),
        )
        for item in review.items.values()
        for each in item.criteria
        for record in each.decision.active
        if record.request == step
    ]
