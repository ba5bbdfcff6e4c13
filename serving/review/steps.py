"""Recorded steps: the outcomes of a form that was sent before, and steps that decided many submissions at once."""

from labs_schema.frozen import Frozen
from serving.review.index import LabReview
from serving.store.grades.choices import Choice, Outcome
from serving.store.grades.overrides import Action, decisions

BULK = "bulk-"
"""Prefix of the request that accepts all proposals above the threshold, without a look at each of them."""
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


def recorded_outcomes(review: LabReview, request: str, actor: str, student: str | None = None) -> list[Outcome]:
    """The outcomes of a form that was sent before; empty for a new one. `student`: the pseudonym if it is about one.

    Its choices must not be computed again from the current state: they could differ, such as the undo of another step.
    """
    found = []
    for (owner, _), records in review.records.items():
        own = [each for each in records if each.request == request and each.actor == actor and student in (None, owner)]
        decided = decisions(records) if own else {}
        for each in own:
            now = decided[each.criterion]
            found.append(Outcome(record=each, now=now, revision=max(each.seq, now.seq)))
    return found


def active_steps(review: LabReview, prefix: str) -> list[Step]:
    """The newest first."""
    found: dict[str, Step] = {}
    for item in review.items.values():
        for title, record in item.active:
            if record.request.startswith(prefix):
                count = found[record.request].count + 1 if record.request in found else 1
                found[record.request] = Step(
                    request=record.request,
                    actor=record.actor,
                    at=record.at,
                    criterion=title,
                    rating=record.new,
                    count=count,
                )
    return sorted(found.values(), key=lambda each: each.at, reverse=True)


def undo_choices(review: LabReview, step: str) -> list[Choice]:
    """The choices that undo a step, except where someone has decided since."""
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
