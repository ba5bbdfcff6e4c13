"""The figures of an evaluation: agreement by slice, confusion matrices, reliability, risk-coverage, learning curve."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from grader.evaluation import BAG_OF_WORDS, MAJORITY, Slice
from grader.report.images import LIGHT, DataTable, FigureImage, Palette, figure_image
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision
from serving.measures.reliability import Reliability, RiskCoverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 3
"""Confusion matrices in a row."""
PANEL_INCHES = 3.0, 2.9


def agreement_by_slice(slices: Mapping[str, Slice], *, of: str) -> FigureImage:
    """One line per slice: the grader's agreement with its interval, and the agreement of the two baselines."""
    rows = {title: each for title, each in slices.items() if each.grader.figures["agreement"].value is not None}

    def draw(figure: "Figure", palette: Palette) -> None:
        axes = figure.subplots()
        for y, each in enumerate(rows.values()):
            found = each.grader.figures["agreement"]
            value = found.value or 0.0
            interval = [found.low or value, found.high or value]
            axes.plot(interval, [y, y], color=palette.blue, solid_capstyle="butt", linewidth=3)
            axes.plot(value, y, "o", color=palette.blue, markersize=7, label=None if y else "grader, 95 % interval")
            baselines = (
                (BAG_OF_WORDS, each.over_bag_of_words, "s", palette.green),
                (MAJORITY, each.over_majority, "d", palette.orange),
            )
            for name, over, marker, colour in baselines:
                if over.value is not None:
                    label = None if y else name
                    axes.plot(value - over.value, y, marker, color=colour, markersize=6, label=label)
        axes.set_yticks(range(len(rows)), [fill(title, 44) for title in rows])
        axes.set(xlim=(0, 1.02), ylim=(len(rows) - 0.4, -0.6), xlabel="exact agreement with the TA")
        axes.grid(axis="x")
        figure.legend(loc="outside upper right", ncols=3)

    values = "; ".join(f"{title}: {each.grader.figures['agreement'].value:.2f}" for title, each in rows.items())
    return figure_image(draw, alt=f"Exact agreement by {of}. {values}", size=(9, 1.1 + 0.42 * len(rows)))


def pooled_confusions(decisions: Sequence[Decision]) -> dict[str, Floats]:
    """Criterion title -> counts (C, C + 1), pooled over labs: rows the TA's rating, columns the grader's, the last one
    ungraded. Titles that occur with several numbers of ratings get the number appended."""
    sizes: dict[str, set[int]] = {}
    for decision in decisions:
        sizes.setdefault(decision.criterion, set()).add(decision.ratings)
    tables: dict[str, Floats] = {}
    for d in decisions:
        name = d.criterion if len(sizes[d.criterion]) == 1 else f"{d.criterion} ({d.ratings} ratings)"
        table = tables.setdefault(name, np.zeros((d.ratings, d.ratings + 1)))
        table[d.human, d.ratings if d.grader is None else d.grader] += 1
    return tables


def confusion_images(decisions: Sequence[Decision]) -> list[FigureImage]:
    """Confusion matrices by criterion title, one figure for each row of panels so that a printed page can break."""
    tables = [*pooled_confusions(decisions).items()]
    return [_confusion_image(tables[start : start + PANELS]) for start in range(0, len(tables), PANELS)]


def _confusion_image(tables: Sequence[tuple[str, Floats]]) -> FigureImage:
    agreed = "; ".join(f"{title}: {np.trace(table):.0f} of {table.sum():.0f} agree" for title, table in tables)
    rows = [
        (title, _letter(i, table), _letter(j, table), f"{table[i, j]:.0f}")
        for title, table in tables
        for i, j in np.argwhere(table)
    ]
    return figure_image(
        lambda figure, palette: _draw_confusions(figure, tables, palette),
        alt=f"Confusion matrices of TA and grader. {agreed}",
        size=(PANELS * PANEL_INCHES[0], PANEL_INCHES[1]),
        data=DataTable(("Criterion", "TA", "Grader", "Decisions"), rows),
    )


def write_confusions(decisions: Sequence[Decision], path: Path, *, title: str) -> None:
    """Writes a PNG with the confusion matrices of all criterion titles."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    tables = [*pooled_confusions(decisions).items()]
    rows = -(-len(tables) // PANELS)
    with mpl.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(PANELS * PANEL_INCHES[0], PANEL_INCHES[1] * rows), layout="constrained")
        figure.suptitle(f"{title}\nCells count decisions; colour: share of the row; ?: ungraded", fontsize=9)
        _draw_confusions(figure, tables, LIGHT)
        figure.savefig(path, dpi=110)


def _draw_confusions(figure: "Figure", tables: Sequence[tuple[str, Floats]], palette: Palette) -> None:
    panels = figure.subplots(-(-len(tables) // PANELS), PANELS, squeeze=False).ravel()
    for axes, (title, table) in zip(panels, tables, strict=False):
        _draw_confusion(axes, title, table, palette)
    for axes in panels[len(tables) :]:
        axes.set_axis_off()


def _draw_confusion(axes: "Axes", title: str, table: Floats, palette: Palette) -> None:
    from matplotlib.patches import Rectangle

    shown = table if table[:, -1].any() else table[:, :-1]
    share = shown / np.maximum(shown.sum(1, keepdims=True), 1)
    for i, j in np.ndindex(shown.shape):
        fill_colour = {"facecolor": palette.blue, "alpha": 0.65 * share[i, j], "linewidth": 0}
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, **fill_colour))
        edge = palette.ink if i == j else "none"
        axes.add_patch(Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, facecolor="none", edgecolor=edge, linewidth=0.8))
        axes.text(j, i, f"{shown[i, j]:.0f}", ha="center", va="center")
    axes.set_xticks(range(shown.shape[1]), [_letter(j, table) for j in range(shown.shape[1])])
    axes.set_yticks(range(len(shown)), [_letter(i, table) for i in range(len(shown))])
    axes.set(xlim=(-0.5, shown.shape[1] - 0.5), ylim=(len(shown) - 0.5, -0.5), xlabel="grader", ylabel="TA")
    axes.set_title(fill(title, 34), fontsize=9)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _letter(index: int, table: Floats) -> str:
    """The letter of a rating's position in the rubric; `?` for ungraded."""
    return "?" if index == len(table) else chr(ord("A") + index)


def reliability_diagram(found: Mapping[str, Reliability]) -> FigureImage:
    """Agreement against confidence, one panel for each entry of `found`, such as before and after calibration."""

    def draw(figure: "Figure", palette: Palette) -> None:
        for axes, (title, each) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
            axes.plot([0, 1], [0, 1], color=palette.ink, linewidth=1, linestyle="dashed")
            most = max(b.count for b in each.bins)
            for b in each.bins:
                if b.agreement is not None and b.confidence is not None:
                    bar = {"align": "edge", "color": palette.blue, "alpha": 0.35, "linewidth": 0}
                    axes.bar(b.low, b.agreement, b.high - b.low, **bar)
                    size = 3 + 7 * (b.count / most) ** 0.5
                    axes.plot(b.confidence, b.agreement, "o", color=palette.blue, markersize=size)
            axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="grader's confidence", ylabel="exact agreement with the TA")
            axes.set_title(f"{title}: ECE {each.ece:.3f}, Brier {each.brier:.3f}")
            axes.set_aspect("equal")
            axes.grid()

    rows = [
        (title, f"{b.low:.2f} to {b.high:.2f}", f"{b.count:,}", f"{b.confidence:.3f}", f"{b.agreement:.3f}")
        for title, each in found.items()
        for b in each.bins
        if b.confidence is not None
    ]
    columns = ("Confidence", "Range", "Decisions", "Mean confidence", "Agreement")
    alt = "Reliability diagram. " + "; ".join(f"{title}: ECE {each.ece:.3f}" for title, each in found.items())
    return figure_image(draw, alt=alt, size=(4.4 * len(found), 4.2), data=DataTable(columns, rows))


def risk_coverage_curves(curves: Mapping[str, RiskCoverage], majority_risk: float | None) -> FigureImage:
    """Disagreement among accepted decisions against the share accepted, one line for each grader. `majority_risk`:
    disagreement of the majority-class baseline, which has no confidences."""

    def draw(figure: "Figure", palette: Palette) -> None:
        axes = figure.subplots()
        colours = cycle((palette.blue, palette.orange, palette.green))
        for colour, (title, curve) in zip(colours, curves.items(), strict=False):
            axes.plot(curve.coverages, curve.risks, color=colour, drawstyle="steps-post", label=title)
        if majority_risk is not None:
            label = f"{MAJORITY}, all accepted"
            axes.axhline(majority_risk, color=palette.ink, linestyle="dashed", linewidth=1, label=label)
        axes.axhline(0.05, color=palette.faint, linestyle="dotted", linewidth=1, label="5 %")
        highest = max(max(curve.risks) for curve in curves.values())
        axes.set(xlim=(0, 1), xlabel="share of decisions accepted, most confident first", ylabel="disagreement")
        axes.set_ylim(0, 1.1 * max(highest, majority_risk or 0.0, 0.06))
        axes.grid()
        figure.legend(loc="outside upper right", ncols=3)

    rows = [
        (title, f"{coverage:.0%}", f"{curve.risks[int(np.searchsorted(curve.coverages, coverage - 1e-9))]:.3f}")
        for title, curve in curves.items()
        for coverage in np.arange(1, 11) / 10
    ]
    ends = "; ".join(f"{title}: {curve.risks[-1]:.3f} with all accepted" for title, curve in curves.items())
    alt = f"Disagreement with the TA by share accepted. {ends}"
    return figure_image(draw, alt=alt, size=(8, 4), data=DataTable(("Grader", "Accepted", "Disagreement"), rows))


def learning_curve(metrics: Path) -> FigureImage | None:
    """One panel for each stage and metric that the training logged; None if the run has no metrics."""
    from training.run.metrics import columns, plot_stages, read_metrics

    stages = read_metrics(metrics)
    if not stages:
        return None
    losses = {stage: [line for line in lines if "loss" in line] for stage, lines in stages.items()}
    rows = [(stage, f"{line['step']:,}", f"{line['loss']:.4g}") for stage, lines in losses.items() for line in lines]
    ends = "; ".join(f"{stage}: final loss {lines[-1]['loss']:.3g}" for stage, lines in losses.items() if lines)
    return figure_image(
        lambda figure, _: plot_stages(figure, stages),
        alt=f"Learning curve. {ends}",
        size=(3 * columns(stages), 2.8 * len(stages)),
        data=DataTable(("Stage", "Step", "Loss"), rows),
    )
