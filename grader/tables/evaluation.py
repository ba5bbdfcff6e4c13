"""An evaluation as terminal tables."""

from collections.abc import Iterable

from rich.console import Group as Stack
from rich.table import Table
from rich.text import Text

from grader.evaluation import P_VALUE_NOTE, Evaluation, Group, RunComparison, Slice, shown_p
from grader.tables.figures import INTERVAL_NOTE, figure_table, one_line, two_lines
from serving.measures.agreement import METRICS, Agreement, RatingFigures
from serving.measures.inter_annotator import InterAnnotatorAgreement
from serving.measures.order_effects import OrderEffects
from serving.measures.reliability import ConfidenceFigures
from serving.measures.resampling import Estimate


def evaluation_tables(evaluation: Evaluation) -> Stack:
    """All figures of the evaluation, with 95 % intervals."""
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
    if group.confidence:
        yield _confidence(group.confidence)
    if group.order:
        yield _order(group.order)
    if group.inter_annotator:
        yield _inter_annotator(group.inter_annotator)
    yield _slices("By lab", group.by_lab)
    yield _slices("By criterion", group.by_criterion)
    if group.decided:
        yield _decided(group.decided)
    if len(group.by_language) > 1:
        yield _slices("By language", group.by_language)
    yield _ratings(group.by_rating)


def _graders(name: str, group: Group) -> Iterable[Table]:
    """One row per metric, one column per grader; then the evaluated grader minus each other one."""
    first, *others = group.graders
    size = group.graders[first]
    title = f"{name.capitalize()}: {size.decisions} decisions, {size.students} students, {size.labs} labs"
    figures = figure_table(title, "Figure", *group.graders)
    differences = figure_table(f"Difference: {first} minus", "Figure", *others)
    for metric, shown in METRICS.items():
        figures.add_row(shown, *(two_lines(each.figures[metric]) for each in group.graders.values()))
        differences.add_row(shown, *(two_lines(group.differences[other][metric], sign=True) for other in others))
    figures.caption = f"{INTERVAL_NOTE}\n{group.left_out}".strip()
    return figures, differences


def _over_labs(group: Group) -> Table:
    table = figure_table("Exact agreement with 95 % intervals over labs", "Grader", "Agreement", "Difference")
    for name, each in group.graders.items():
        over = group.differences_over_labs.get(name)
        table.add_row(
            name,
            one_line(each.figures_over_labs["agreement"]),
            one_line(over["agreement"], sign=True) if over else "",
        )
    return table


def _confidence(graders: dict[str, ConfidenceFigures]) -> Table:
    columns = "Decisions", "ECE", "Brier score", "Auto-accepted", "Disagreement among those"
    table = figure_table("Calibration of the confidence", "Grader", *columns)
    for name, each in graders.items():
        steps = {"": each.before}
        if each.after is not None:
            steps = {", uncalibrated": each.before, ", calibrated": each.after}
        wrong = "-" if each.accepted_disagreement is None else f"{each.accepted_disagreement:.3f}"
        for step, found in steps.items():
            figures = f"{found.ece:.3f}", f"{found.brier:.3f}", f"{each.accepted:.3f}", wrong
            table.add_row(name + step, str(found.decisions), *figures)
    return table


def _order(order: OrderEffects) -> Table:
    table = figure_table("Effect of the option order", "Figure", "Decisions", "Result")
    flips = Estimate(value=order.flips.rate, low=order.flips.low, high=order.flips.high)
    table.add_row("Share of ratings that change with the order", str(order.flips.decisions), one_line(flips))
    for each in order.positions:
        result = f"{each.summary} ({shown_p(each.p_value)})"
        table.add_row(f"Position bias among {each.ratings} ratings", str(each.decisions), result)
    return table


def _inter_annotator(found: InterAnnotatorAgreement) -> Table:
    """The TAs among themselves, and the grader on the same units."""
    title = f"Inter-annotator agreement: {found.units} criteria of {found.students} students rated by several TAs"
    table = figure_table(title, "Figure", "Criteria", "Agreement")
    table.add_row("Two TAs", str(found.units), one_line(found.pairwise))
    table.add_row("The grader and one TA", str(found.units), one_line(found.grader))
    table.add_row("Krippendorff's alpha of the TAs", str(found.units), one_line(found.alpha))
    for rater, figures in found.raters.items():
        label = Text(f"{rater} and the majority of the other TAs")
        table.add_row(label, str(figures.units), one_line(figures.with_others))
    return table


def _slices(title: str, slices: dict[str, Slice]) -> Table:
    columns = "Decisions", "Exact agreement", "vs. majority class", "vs. bag of words", "Macro-F1"
    table = figure_table(title, "", *columns)
    for name, each in slices.items():
        figures = each.grader.figures
        table.add_row(
            Text(name),
            str(each.grader.decisions),
            two_lines(figures["agreement"]),
            two_lines(each.over_majority, sign=True),
            two_lines(each.over_bag_of_words, sign=True),
            two_lines(figures["macro_f1"]),
        )
    return table


def _decided(criteria: dict[str, Agreement]) -> Table:
    table = figure_table(
        "Decided by observed outcomes, without a model", "Criterion", "Decisions", "Agreement with the TA"
    )
    for name, each in criteria.items():
        table.add_row(Text(name), str(each.decisions), one_line(each.figures["agreement"]))
    return table


def _ratings(ratings: dict[str, RatingFigures]) -> Table:
    table = figure_table("By rating", "Rating", "Given by the TA", "Given by the grader", "Recall", "Precision")
    for name, each in ratings.items():
        counts = str(each.given_by_ta), str(each.given_by_grader)
        table.add_row(Text(name), *counts, one_line(each.recall), one_line(each.precision))
    return table


def _compared(comparison: RunComparison) -> Iterable[Table]:
    for name, found in comparison.groups.items():
        title = f"{name.capitalize()}: {found.first.decisions} decisions of {found.first.students} students"
        table = figure_table(title, "Figure", comparison.first, comparison.second, "Difference", "p-value")
        table.caption = (
            f"TA's rating given by both: {found.both}, only the first: {found.only_first}, "
            f"only the second: {found.only_second}, neither: {found.neither}\n{P_VALUE_NOTE}"
        )
        for metric, shown in METRICS.items():
            sides = [two_lines(each.figures[metric]) for each in (found.first, found.second)]
            p = shown_p(found.p_values[metric]) if metric in found.p_values else ""
            table.add_row(shown, *sides, two_lines(found.differences[metric], sign=True), p)
        yield table
