"""What an evaluation found, and how it is shown on screen."""

from rich.console import Group as Stack
from rich.table import Table

from labs_schema.frozen import Frozen
from serving.agreement import METRICS, Agreement, Estimate


class Part(Frozen):
    """A lab's or a criterion's share of a group."""

    grader: Agreement
    over_commonest: Estimate


class Group(Frozen):
    """Figures on one kind of kept work. `graders` starts with the one evaluated; `differences` is it less another."""

    labs: tuple[str, ...]
    graders: dict[str, Agreement]
    differences: dict[str, dict[str, Estimate]]
    by_lab: dict[str, Part]
    by_criterion: dict[str, Part]


class Evaluation(Frozen):
    groups: dict[str, Group]


def tables(evaluation: Evaluation) -> Stack:
    """The whole evaluation as tables; every figure with its 95 % interval."""
    shown = []
    for name, group in evaluation.groups.items():
        shown.append(_graders(name, group))
        shown.append(_parts("by lab", group.by_lab))
        shown.append(_parts("by criterion", group.by_criterion))
    return Stack(*shown)


def _graders(name: str, group: Group) -> Table:
    first = next(iter(group.graders.values()))
    title = f"{name}: {first.decisions} decisions, {first.students} students, {len(group.labs)} labs"
    table = Table(title=title, title_justify="left", caption="95 % bootstrap intervals over students")
    table.add_column("")
    for metric in METRICS.values():
        table.add_column(metric, justify="right")
    for grader, figures in group.graders.items():
        table.add_row(grader, *(_shown(figures.figures[m]) for m in METRICS))
    for other, differences in group.differences.items():
        table.add_row(f"difference to {other}", *(_shown(differences[m], sign=True) for m in METRICS), style="bold")
    return table


def _parts(title: str, parts: dict[str, Part]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("", "decisions", "exact agreement", "over commonest rating", "macro-F1"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, part in parts.items():
        figures = part.grader.figures
        table.add_row(
            name,
            str(part.grader.decisions),
            _shown(figures["agreement"]),
            _shown(part.over_commonest, sign=True),
            _shown(figures["macro_f1"]),
        )
    return table


def _shown(estimate: Estimate, *, sign: bool = False) -> str:
    if estimate.value is None:
        return "-"
    form = "{:+.3f}" if sign else "{:.3f}"
    low, high = (form.format(v) for v in (estimate.low, estimate.high))
    return f"{form.format(estimate.value)} [{low}, {high}]".replace("[", "\\[")
