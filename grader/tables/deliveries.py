"""Tables of `grader send`: the differences of a dry run, and the outcome."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from grader.tables.figures import counts_table
from labs_schema.errors import issue_texts
from serving.deliveries.differences import NAMES, differences, listed, mapping_text, matching_text
from serving.deliveries.plan import DeliveryPlan, PlannedDelivery
from serving.deliveries.sending import StudentOutcome

SHOWN = 30


def plan_table(plan: DeliveryPlan) -> RenderableType:
    actions = [(name, plan.count(action)) for action, name in NAMES.items()]
    counts = counts_table([*actions, ("only on the platform, without a grade here", plan.matching.only_there)])
    counts.add_row("students found by", matching_text(plan))
    if mapped := mapping_text(plan):
        counts.add_row("rubric on the platform", mapped)
    changes = Table("Student", "Criterion", "On the platform", "To send", "", box=SIMPLE_HEAD)
    students = listed(plan)
    for each in students[:SHOWN]:
        for row in _rows(each, plan):
            changes.add_row(*map(escape, row))
    more = len(students) - SHOWN
    return Group(
        f"[bold]{escape(plan.assignment.title)}[/] {escape(plan.target)}",
        counts,
        *([changes] if students else []),
        *([f"and {more:,} more students (--json lists them)"] if more > 0 else []),
        *[f"[yellow]{escape(text)}[/]" for text in plan.assignment.warnings],
        "Dry run: nothing was sent. Send with --confirm.",
    )


def _rows(planned: PlannedDelivery, plan: DeliveryPlan) -> list[tuple[str, str, str, str, str]]:
    """A row for the total, and for each rating and comment that changes."""
    first, *others = differences(planned, plan)
    return [(planned.student, *first, NAMES[planned.action]), *(("", *each, "") for each in others)]


def outcome_table(outcomes: Sequence[StudentOutcome]) -> RenderableType:
    counts = counts_table(Counter(each.action for each in outcomes).items())
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
