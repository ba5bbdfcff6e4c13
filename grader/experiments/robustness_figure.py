"""The curve of a robustness series, drawn and as a table. Knows no cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from grader.experiments.robustness_curve import ROUGE, Robustness
from serving.measures.resampling import Estimate

WHAT = {"labels": "wrong labels", "prompts": "programs that plead"}


def draw_curve(found: Robustness, path: Path) -> None:
    """Writes a PNG: agreement on clean kept work over p, one line a loss, whiskers over students, a dot a seed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    levels = sorted({point.p for point in found.points})
    losses = list(dict.fromkeys(point.loss for point in found.points))
    for number, loss in enumerate(losses):
        points = [point for point in found.points if point.loss == loss]
        shift = (number - (len(losses) - 1) / 2) * 0.12
        places = [levels.index(point.p) + shift for point in points]
        _whiskers(axes, places, [point.figures["agreement"] for point in points], f"C{number}", f"DPO, {loss}", "o-")
        dots = [(place, seed) for place, point in zip(places, points, strict=True) for seed in point.by_seed]
        axes.plot(*zip(*dots, strict=True), ".", color=f"C{number}", alpha=0.45, markersize=5)
    for number, (name, by_p) in enumerate(found.baselines.items()):
        heights = [by_p[f"{p:g}"].value or 0.0 for p in levels]
        axes.plot(range(len(levels)), heights, "--", color=f"{0.3 + 0.3 * number}", label=name)
    axes.set_xticks(range(len(levels)), [f"{p:g}" for p in levels])
    axes.set_xlabel(f"share of {WHAT[found.kind]} in the training data")
    axes.set_ylabel("exact agreement on clean kept work")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=100)


def _whiskers(
    axes: Any, places: Sequence[float], values: Sequence[Estimate], color: str, label: str, form: str
) -> None:
    middle, low, high = zip(*((each.value or 0.0, each.low or 0.0, each.high or 0.0) for each in values), strict=True)
    reach = [[m - x for m, x in zip(middle, low, strict=True)], [x - m for m, x in zip(middle, high, strict=True)]]
    axes.errorbar(places, middle, yerr=reach, fmt=form, color=color, label=label, capsize=3, markersize=5)


def table(found: Robustness) -> Table:
    """A row for each p and loss, with the baselines below."""
    shown = Table(
        box=box.SIMPLE,
        title=f"{found.cells} of {found.of_cells} runs; {found.decisions} clean decisions of {found.students} students",
        caption="[..]: 95 % bootstrap interval over students, of the mean over seeds",
    )
    reasons = any(ROUGE in point.figures for point in found.points)
    for name in ("p", "loss", "runs", "poisoned", "agreement", "less that at p min", "kappa", *["ROUGE-L"] * reasons):
        shown.add_column(name, justify="left" if name == "loss" else "right")
    for point in found.points:
        mean = sum(point.poisoned) / len(point.poisoned)
        cells = [f"{point.p:g}", point.loss, str(len(point.seeds)), f"{mean:.0f} of {point.units}"]
        cells += [shown_estimate(point.figures["agreement"]), shown_estimate(point.over_clean, "+")]
        cells += [shown_estimate(point.figures["kappa"])]
        cells += [shown_estimate(point.figures[ROUGE])] if reasons else []
        shown.add_row(*cells)
    for name, by_p in found.baselines.items():
        for p, each in by_p.items():
            shown.add_row(p, name, "", "", shown_estimate(each), "", "", *[""] * reasons)
    return shown


def shown_estimate(found: Estimate, sign: str = "") -> str:
    if found.value is None:
        return "-"
    value, low, high = (f"{each:{sign}.3f}".replace("0.", ".", 1) for each in (found.value, found.low, found.high))
    return f"{value} \\[{low}, {high}]"
