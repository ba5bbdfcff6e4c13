"""The report's figures: figures of agreement and decisions in, SVG out. Measures nothing itself."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from grader.evaluation import COMMONEST, WORDS, Part
from grader.report.svg import FAINT, INK, SERIES, inline_svg
from serving.measures.confusion_figure import pooled_confusions
from serving.measures.decisions import Decision
from serving.measures.reliability import Reliability, RiskCoverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN = SERIES
PANELS = 3


def agreement_by_part(parts: Mapping[str, Part], *, name: str, of: str) -> Markup:
    """A line a part: agreement with its interval, and beside it that of the two graders that cost nothing."""
    rows = {title: part for title, part in parts.items() if part.grader.figures["agreement"].value is not None}

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        for y, part in enumerate(rows.values()):
            found = part.grader.figures["agreement"]
            value = found.value or 0.0
            axes.plot([found.low or value, found.high or value], [y, y], color=BLUE, solid_capstyle="butt", linewidth=3)
            axes.plot(value, y, "o", color=BLUE, markersize=7, label=None if y else "grader, 95 % interval")
            free = (WORDS, part.over_words, "s", GREEN), (COMMONEST, part.over_commonest, "d", ORANGE)
            for grader, over, mark, colour in free:
                if over.value is not None:
                    axes.plot(value - over.value, y, mark, color=colour, markersize=6, label=None if y else grader)
        axes.set_yticks(range(len(rows)), [fill(title, 44) for title in rows])
        axes.set(xlim=(0, 1.02), ylim=(len(rows) - 0.4, -0.6), xlabel="share of decisions in which the TA agreed")
        axes.grid(axis="x")
        figure.legend(loc="outside upper right", ncols=3)

    shown = "; ".join(f"{title}: {part.grader.figures['agreement'].value:.2f}" for title, part in rows.items())
    return inline_svg(draw, name=name, alt=f"Agreement by {of}. {shown}", size=(9, 1.1 + 0.42 * len(rows)))


def confusions(decisions: Sequence[Decision], *, name: str) -> list[Markup]:
    """A panel a criterion title: rows the TA's rating, columns the grader's (`?`: ungraded), cells counts. A figure a
    row of panels, so that paper can break between them."""
    tables = list(pooled_confusions(decisions).items())
    rows = [tables[start : start + PANELS] for start in range(0, len(tables), PANELS)]
    return [_row_of_confusions(row, name=f"{name}{i}") for i, row in enumerate(rows)]


def _row_of_confusions(tables: Sequence[tuple[str, np.ndarray]], *, name: str) -> Markup:
    def draw(figure: "Figure") -> None:
        panels = figure.subplots(1, PANELS)
        for axes, (title, table) in zip(panels, tables, strict=False):
            _confusion(axes, title, table)
        for axes in panels[len(tables) :]:
            axes.set_axis_off()

    agreed = "; ".join(f"{title}: {np.trace(table):.0f} of {table.sum():.0f} agree" for title, table in tables)
    return inline_svg(draw, name=name, alt=f"Confusion of TA and grader. {agreed}", size=(9, 2.9))


def _confusion(axes: "Axes", title: str, table: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    letters = [chr(ord("A") + i) for i in range(len(table))]
    if not table[:, -1].any():
        table = table[:, :-1]
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    for i, j in np.ndindex(table.shape):
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=BLUE, alpha=0.65 * share[i, j], linewidth=0))
        edge = INK if i == j else "none"
        axes.add_patch(Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, facecolor="none", edgecolor=edge, linewidth=0.8))
        axes.text(j, i, f"{table[i, j]:.0f}", ha="center", va="center")
    axes.set_xticks(range(table.shape[1]), [*letters, "?"][: table.shape[1]])
    axes.set_yticks(range(len(table)), letters)
    axes.set(xlim=(-0.5, table.shape[1] - 0.5), ylim=(len(table) - 0.5, -0.5), xlabel="grader", ylabel="TA")
    axes.set_title(fill(title, 34))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def reliability_diagram(found: Mapping[str, Reliability], *, name: str) -> Markup:
    """Agreement against confidence, a panel an entry of `found`, such as before and after the calibration."""

    def draw(figure: "Figure") -> None:
        for axes, (title, each) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
            axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="dashed")
            most = max(b.count for b in each.bins)
            for b in each.bins:
                if b.agreement is not None and b.confidence is not None:
                    axes.bar(b.low, b.agreement, b.high - b.low, align="edge", color=BLUE, alpha=0.35, linewidth=0)
                    axes.plot(b.confidence, b.agreement, "o", color=BLUE, markersize=3 + 7 * (b.count / most) ** 0.5)
            axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence of the grader", ylabel="share in which the TA agreed")
            axes.set_title(f"{title}: ECE {each.ece:.3f}, Brier {each.brier:.3f}")
            axes.set_aspect("equal")
            axes.grid()

    alt = "Reliability diagram. " + "; ".join(f"{title}: ECE {each.ece:.3f}" for title, each in found.items())
    return inline_svg(draw, name=name, alt=alt, size=(4.4 * len(found), 4.2))


def risk_coverage_curves(curves: Mapping[str, RiskCoverage], commonest: float | None, *, name: str) -> Markup:
    """Disagreement among accepted decisions against the share accepted, a line a grader; `commonest`: the disagreement
    of the commonest rating, which is sure of nothing."""

    def draw(figure: "Figure") -> None:
        axes = figure.subplots()
        for colour, (title, curve) in zip(cycle(SERIES), curves.items(), strict=False):
            axes.plot(curve.coverages, curve.risks, color=colour, drawstyle="steps-post", label=title)
        if commonest is not None:
            axes.axhline(commonest, color=INK, linestyle="dashed", linewidth=1, label=f"{COMMONEST}, all accepted")
        axes.axhline(0.05, color=FAINT, linestyle="dotted", linewidth=1, label="5 %")
        highest = max(max(curve.risks) for curve in curves.values())
        axes.set(xlim=(0, 1), xlabel="share of decisions accepted, surest first", ylabel="disagreement among them")
        axes.set_ylim(0, 1.1 * max(highest, commonest or 0.0, 0.06))
        axes.grid()
        figure.legend(loc="outside upper right", ncols=3)

    ends = "; ".join(f"{title}: {curve.risks[-1]:.3f} with all accepted" for title, curve in curves.items())
    return inline_svg(draw, name=name, alt=f"Disagreement with the TA by share accepted. {ends}", size=(8, 4))


def learning_curve(metrics: Path, *, name: str) -> Markup | None:
    """A panel a stage and figure that the training logged; None where the run has no metrics."""
    from training.run.curves import columns, plot_stages, read_metrics

    stages = read_metrics(metrics)
    if not stages:
        return None
    losses = {stage: [line["loss"] for line in lines if "loss" in line] for stage, lines in stages.items()}
    ends = "; ".join(f"{stage}: loss {loss[-1]:.3g} at the end" for stage, loss in losses.items() if loss)
    size = (3 * columns(stages), 2.8 * len(stages))
    return inline_svg(lambda figure: plot_stages(figure, stages), name=name, alt=f"Learning curve. {ends}", size=size)
