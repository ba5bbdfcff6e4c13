"""The differences of a dry run in words: what the platform shows, and what would be sent."""

from serving.deliveries.plan import Action, DeliveryPlan, PlannedDelivery
from serving.deliveries.platform import Value

NAMES = {
    Action.SEND: "to send",
    Action.UNCHANGED: "already there",
    Action.WAITS: "waiting for review",
    Action.UNGRADED: "ungraded",
    Action.UNMATCHED: "not on the platform",
    Action.AMBIGUOUS: "ambiguous on the platform",
    Action.CONFLICT: "changed on the platform",
}


def differences(planned: PlannedDelivery, plan: DeliveryPlan) -> list[tuple[str, str, str]]:
    """The total and each criterion that changes: name, value on the platform, value to send; empty for none."""
    before, after = planned.before or Value(), planned.after or Value()
    there = before.blocked or _number(before.total)
    rows = [("total", there, _number(after.total))]
    for criterion in sorted(after.criteria):
        old, new = before.criteria.get(criterion), after.criteria[criterion]
        if old is None or (old.level, old.points, old.comment) != (new.level, new.points, new.comment):
            title, levels = _titles(plan, criterion)
            shown = "" if old is None else _level(levels.get(old.level or "", ""), old.points)
            rows.append((title, shown, _level(levels.get(new.level or "", ""), new.points)))
    return rows


def _titles(plan: DeliveryPlan, criterion: str) -> tuple[str, dict[str, str]]:
    """The criterion's title and its levels' titles by id."""
    rubric = plan.assignment.rubric
    found = next((each for each in rubric.criteria if each.id == criterion), None) if rubric else None
    return (criterion, {}) if found is None else (found.title, {level.id: level.title for level in found.levels})


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _level(title: str, points: float | None) -> str:
    return f"{title} ({_number(points)})" if points is not None else title
