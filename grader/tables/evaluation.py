"""How an evaluation is shown on screen. Measures nothing itself."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Group as Stack
from rich.table import Table
from rich.text import Text

from grader.evaluation import (
    COMMONEST,
    WHAT_P_IS,
    WORDS,
    Evaluation,
    Group,
    Part,
    RunComparison,
    shown_p,
)
from serving.measures.agreement import METRICS
from serving.measures.order_effects import OrderEffects
from serving.measures.raters import InterAnnotatorAgreement
from serving.measures.rating_parts import RatingPart
from serving.measures.resampling import Estimate
from serving.measures.trust import Trust


def tables(evaluation: Evaluation) -> Stack:
    """The whole evaluation as tables; every figure with its 95 % interval."""
    shown: list[Table] = []
    for name, group in evaluation.groups.items():
        shown += _group(name, group)
    if evaluation.compared:
        shown += _compared(evaluation.compared)
    return Stack(*shown)


def _group(name: str, group: Group) -> Iterable[Table]:
    yield from _graders(name, group)
    if group.differences_over_labs:
        yield _over_labs(group)
    if group.trust:
        yield _trust(group.trust)
    if group.order:
        yield _order(group.order)
    if group.ceiling:
        yield _ceiling(group.ceiling)
    yield _parts("by lab", group.by_lab)
    yield _parts("by criterion", group.by_criterion)
    if len(group.by_language) > 1:
        yield _parts("by language", group.by_language)
    yield _ratings(group.by_rating)


def _graders(name: str, group: Group) -> Iterable[Table]:
    """A row a metric, a column a grader; then the evaluated grader less each of the others."""
    first, *others = group.graders
    size = group.graders[first]
    figures = _table(
        f"{name}: {size.decisions} decisions, {size.students} students, {size.labs} labs", "", *group.graders
    )
    apart = _table(f"{first} less", "", *others)
    for metric, shown in METRICS.items():
        figures.add_row(shown, *(_two_lines(each.figures[metric]) for each in group.graders.values()))
        apart.add_row(shown, *(_two_lines(group.differences[other][metric], sign=True) for other in others))
    figures.caption = r"\[..]: 95 % bootstrap interval over students"
    return figures, apart


def _over_labs(group: Group) -> Table:
    """The same figures, as an answer for labs like these: exact agreement only."""
    table = _table("exact agreement with 95 % intervals over labs", "", "agreement", "difference to it")
    for name, each in group.graders.items():
        apart = group.differences_over_labs.get(name)
        cells = (
            _one_line(each.figures_over_labs["agreement"]),
            _one_line(apart["agreement"], sign=True) if apart else "",
        )
        table.add_row(name, *cells)
    return table


def _trust(graders: dict[str, Trust]) -> Table:
    table = _table(
        "is it as often right as it says?",
        "",
        "n",
        "ECE",
        "Brier",
        "accepted without a person",
        "disagreement among them",
    )
    for name, trust in graders.items():
        steps = {"": trust.before} if trust.after is None else {", raw": trust.before, ", calibrated": trust.after}
        for step, found in steps.items():
            wrong = "-" if trust.accepted_disagreement is None else f"{trust.accepted_disagreement:.3f}"
            table.add_row(
                name + step,
                str(found.decisions),
                f"{found.ece:.3f}",
                f"{found.brier:.3f}",
                f"{trust.accepted:.3f}",
                wrong,
            )
    return table


def _order(order: OrderEffects) -> Table:
    table = _table("does the order of the options matter?", "", "n", "")
    flips = Estimate(value=order.flips.rate, low=order.flips.low, high=order.flips.high)
    table.add_row("share of ratings that change with it", str(order.flips.decisions), _one_line(flips))
    for place in order.places:
        table.add_row(
            f"among {place.ratings} ratings", str(place.decisions), f"{place.said} ({shown_p(place.p_value)})"
        )
    return table


def _ceiling(ceiling: InterAnnotatorAgreement) -> Table:
    """What the TAs reach among themselves, over the same units as the grader beside them."""
    table = _table(
        f"several TAs on the same work: {ceiling.units} criteria of {ceiling.students} students",
        "",
        "units",
        "agreement",
    )
    table.add_row("pairs of TAs", str(ceiling.units), _one_line(ceiling.pairwise))
    table.add_row("the grader with single TAs", str(ceiling.units), _one_line(ceiling.grader))
    table.add_row("Krippendorff's alpha of the TAs", str(ceiling.units), _one_line(ceiling.alpha))
    for rater, figures in ceiling.raters.items():
        table.add_row(Text(f"{rater} with the others' majority"), str(figures.units), _one_line(figures.with_others))
    return table


def _parts(title: str, parts: dict[str, Part]) -> Table:
    table = _table(title, "", "n", "exact agreement", f"over {COMMONEST}", f"over {WORDS}", "macro-F1")
    for name, part in parts.items():
        figures = part.grader.figures
        table.add_row(
            Text(name),
            str(part.grader.decisions),
            _two_lines(figures["agreement"]),
            _two_lines(part.over_commonest, sign=True),
            _two_lines(part.over_words, sign=True),
            _two_lines(figures["macro_f1"]),
        )
    return table


def _ratings(parts: dict[str, RatingPart]) -> Table:
    table = _table("by rating", "", "TA gave", "grader gave", "recall", "precision")
    for name, part in parts.items():
        counts = str(part.given_by_ta), str(part.given_by_grader)
        table.add_row(Text(name), *counts, _one_line(part.recall), _one_line(part.precision))
    return table


def _compared(comparison: RunComparison) -> Iterable[Table]:
    """What both runs kept."""
    for name, found in comparison.groups.items():
        title = f"{name}, kept by both runs: {found.first.decisions} decisions, {found.first.students} students"
        table = _table(title, "", comparison.first, comparison.second, "difference", "by chance")
        table.caption = (
            f"The TA's rating: both {found.both}, only the first {found.only_first}, "
            f"only the second {found.only_second}, neither {found.neither}\n{WHAT_P_IS}"
        )
        for metric, shown in METRICS.items():
            sides = [_two_lines(each.figures[metric]) for each in (found.first, found.second)]
            p = shown_p(found.p_values[metric]) if metric in found.p_values else ""
            table.add_row(shown, *sides, _two_lines(found.differences[metric], sign=True), p)
        yield table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD)
    for heading in headings:
        table.add_column(Text(heading), justify="right" if heading else "left", overflow="fold")
    return table


def _one_line(estimate: Estimate, *, sign: bool = False) -> Text:
    """`.812 [.774, .850]`, or `-` where the figure is not defined."""
    if estimate.value is None:
        return Text("-")
    form = "{:+.3f}" if sign else "{:.3f}"
    value, low, high = (form.format(v).replace("0.", ".", 1) for v in (estimate.value, estimate.low, estimate.high))
    return Text(f"{value} [{low}, {high}]")


def _two_lines(estimate: Estimate, *, sign: bool = False) -> Text:
    return Text(_one_line(estimate, sign=sign).plain.replace(" [", "\n["))
