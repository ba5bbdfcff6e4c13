"""The differences of a dry run in words: what the platform shows, and what would be sent."""

from labs_schema.imports.records import IdKind
from serving.deliveries.plan import Action, DeliveryPlan, PlannedDelivery, same_level
from serving.deliveries.platform import CriterionValue, Value, same_text

NAMES = {
    Action.CONFLICT: "changed on the platform",
    Action.AMBIGUOUS: "ambiguous on the platform",
    Action.UNMATCHED: "not on the platform",
    Action.UNGRADED: "ungraded",
    Action.WAITS: "waiting for review",
    Action.SEND: "to send",
    Action.UNCHANGED: "already there",
}
"""The order in which a person should look at them."""
ID_KINDS: dict[str, str] = {
    IdKind.NUMBER: "student number",
    IdKind.EMAIL: "e-mail address",
    IdKind.PLATFORM: "the platform's id",
}
EXCERPT = 60
"""Characters of a comment."""


def listed(plan: DeliveryPlan) -> list[PlannedDelivery]:
    """All students but those whose grade is there already: first those of whom a person should know."""
    order = list(NAMES)
    changing = (each for each in plan.students if each.action is not Action.UNCHANGED)
    return sorted(changing, key=lambda each: order.index(each.action))


def matching_text(plan: DeliveryPlan) -> str:
    """The kind of id by which students were found."""
    kind = plan.matching.kind
    return ID_KINDS.get(kind, kind) or ("earlier deliveries" if plan.matching.person_of else "no id")


def mapping_text(plan: DeliveryPlan) -> str:
    """The origin of the mapping to the platform's rubric; empty if there is no rubric."""
    if plan.mapping is None:
        return ""
    count = len(plan.mapping.mapping.criteria)
    how = "as stored with the first delivery" if plan.mapping.stored else "by equal titles and points"
    return f"{count} {'criterion' if count == 1 else 'criteria'}, {how}"


def differences(planned: PlannedDelivery, plan: DeliveryPlan) -> list[tuple[str, str, str]]:
    """The total, and each rating and comment that changes: name, value on the platform, value to send; empty for
    none."""
    before, after = planned.before or Value(), planned.after or Value()
    rows = [("total", before.blocked or _number(before.total), _number(after.total))]
    for criterion in sorted(after.criteria):
        old, new = before.criteria.get(criterion, CriterionValue()), after.criteria[criterion]
        title, levels = _titles(plan, criterion)
        if not same_level(old, new):
            rows.append((title, _level(old, levels), _level(new, levels)))
        if not same_text(old.comment, new.comment):
            rows.append((f"{title}: comment", _excerpt(old.comment), _excerpt(new.comment)))
    for text in after.comments:
        if not any(same_text(text, each) for each in before.comments):
            there = "hidden" if before.comments_hidden else _excerpt(" ".join(before.comments))
            rows.append(("comment", there, _excerpt(text)))
    return rows


def _titles(plan: DeliveryPlan, criterion: str) -> tuple[str, dict[str, str]]:
    """The criterion's title and its levels' titles by id."""
    rubric = plan.assignment.rubric
    found = next((each for each in rubric.criteria if each.id == criterion), None) if rubric else None
    return (criterion, {}) if found is None else (found.title, {level.id: level.title for level in found.levels})


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _level(value: CriterionValue, levels: dict[str, str]) -> str:
    title = levels.get(value.level or "", "")
    return f"{title} ({_number(value.points)})" if value.points is not None else title


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 3]}..."
