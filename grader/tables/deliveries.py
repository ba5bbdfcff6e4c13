"""Tables of `grader send`: the differences of a dry run, and the outcome."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from labs_schema.errors import issue_texts
from serving.deliveries.plan import Action, DeliveryPlan, PlannedDelivery
from serving.deliveries.platform import Value
from serving.deliveries.sending import StudentOutcome

SHOWN = 30
NAMES = {
    Action.SEND: "to send",
    Action.UNCHANGED: "already there",
    Action.WAITS: "waiting for review",
    Action.UNGRADED: "ungraded",
    Action.UNMATCHED: "not on the platform",
    Action.AMBIGUOUS: "ambiguous on the platform",
    Action.CONFLICT: "changed on the platform",
}


def plan_table(plan: DeliveryPlan) -> RenderableType:
    counts = Table(box=SIMPLE_HEAD, show_header=False)
    for action, name in NAMES.items():
        counts.add_row(name, f"{plan.count(action):,}")
    counts.add_row("on the platform without a grade here", f"{plan.matching.only_there:,}")
    counts.add_row("students found by", plan.matching.kind or "earlier deliveries")
    changes = Table("Student", "Criterion", "On the platform", "To send", "", box=SIMPLE_HEAD)
    listed = [each for each in plan.students if each.action not in (Action.UNCHANGED,)]
    for each in listed[:SHOWN]:
        for row in _rows(each, plan):
            changes.add_row(*map(escape, row))
    more = len(listed) - SHOWN
    return Group(
        f"[bold]{escape(plan.assignment.title)}[/] {escape(plan.target)}",
        counts,
        *([changes] if listed else []),
        *([f"and {more:,} more students (--json lists them)"] if more > 0 else []),
        *[f"[yellow]{escape(text)}[/]" for text in plan.assignment.warnings],
        "Dry run: nothing was sent. Send with --confirm.",
    )


def _rows(planned: PlannedDelivery, plan: DeliveryPlan) -> list[tuple[str, str, str, str, str]]:
    """A row for the total and for each criterion that changes."""
    state = NAMES[planned.action]
    before, after = planned.before or Value(), planned.after or Value()
    there = before.blocked or _number(before.total)
    rows = [(planned.student, "total", there, _number(after.total), state)]
    for criterion in sorted(after.criteria):
        old, new = before.criteria.get(criterion), after.criteria[criterion]
        if old is None or (old.level, old.points, old.comment) != (new.level, new.points, new.comment):
            title, levels = _titles(plan, criterion)
            shown = "" if old is None else _level(levels.get(old.level or "", ""), old.points)
            rows.append(("", title, shown, _level(levels.get(new.level or "", ""), new.points), ""))
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


def outcome_table(outcomes: Sequence[StudentOutcome]) -> RenderableType:
    counts = Table(box=SIMPLE_HEAD, show_header=False)
    for action, count in Counter(each.action for each in outcomes).items():
        counts.add_row(action, f"{count:,}")
    problems = Table("Student", "Outcome", "Code", "Class", "Message", box=SIMPLE_HEAD)
    failed = [each for each in outcomes if each.code]
    for each in failed[:SHOWN]:
        message = " ".join(filter(None, (each.message, ascii(each.platform_text) if each.platform_text else "")))
        problems.add_row(*map(escape, (each.student, each.action, each.code, each.kind, message)))
    more = len(failed) - SHOWN
    return Group(
        counts,
        *([problems] if failed else []),
        *([f"and {more:,} more students (--json lists them)"] if more > 0 else []),
        *[escape(text) for text in hints(each.code for each in failed)],
    )


def hints(codes: Iterable[str]) -> list[str]:
    """The next step for each code, once."""
    return [f"{code}: {issue_texts()[code]['hint']}" for code in dict.fromkeys(codes)]
