"""What an evaluation found, and how it is shown on screen."""

from rich.box import SIMPLE_HEAD
from rich.console import Group as Stack
from rich.table import Table
from rich.text import Text

from labs_schema.frozen import Frozen
from serving.measures.agreement import METRICS, Agreement, Estimate

COMMONEST = "commonest rating"
"""The baseline that every part is measured against."""


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
    """A row a metric, a column a grader, and last the difference to the one that costs nothing."""
    first = next(iter(group.graders.values()))
    title = f"{name}: {first.decisions} decisions, {first.students} students, {len(group.labs)} labs"
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, caption=r"\[..]: 95 % bootstrap interval over students"
    )
    table.add_column("")
    for grader in (*group.graders, f"difference to {COMMONEST}"):
        table.add_column(grader, justify="right")
    for metric, shown in METRICS.items():
        figures = [_two_lines(_shown(figures.figures[metric])) for figures in group.graders.values()]
        table.add_row(shown, *figures, _two_lines(_shown(group.differences[COMMONEST][metric], sign=True)))
    return table


def _parts(title: str, parts: dict[str, Part]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for heading in ("", "n", "exact agreement", f"over {COMMONEST}", "macro-F1"):
        table.add_column(heading, justify="right" if heading else "left", overflow="fold")
    for name, part in parts.items():
        figures = part.grader.figures
        table.add_row(
            Text(name),
            str(part.grader.decisions),
            _two_lines(_shown(figures["agreement"])),
            _two_lines(_shown(part.over_commonest, sign=True)),
            _two_lines(_shown(figures["macro_f1"])),
        )
    return table


def _shown(estimate: Estimate, *, sign: bool = False) -> str:
    """`.812 [.774, .850]`, or `-` where the figure is not defined."""
    if estimate.value is None:
        return "-"
    form = "{:+.3f}" if sign else "{:.3f}"
    value, low, high = (form.format(v).replace("0.", ".", 1) for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


def _two_lines(shown: str) -> Text:
    return Text(shown.replace(" [", "\n["))
