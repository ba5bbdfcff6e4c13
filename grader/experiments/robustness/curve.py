"""The curve of a robustness series: agreement on clean test data against p, with intervals, as data and as a plot."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grader.experiments.robustness.grid import Cell, CellResult, losses_of
from grader.experiments.robustness.poison import PoisonKind
from labs_schema.frozen import Frozen
from labs_schema.grouping import grouped_by
from serving.measures.agreement import figures
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision
from serving.measures.resampling import Draws, Estimate, draw, estimate, weighted_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURES = ("agreement", "macro_f1", "kappa", "marks_mae")
ROUGE = "rouge_l"
X_LABELS = {
    "labels": "share of wrong labels in the training data",
    "prompts": "share of training programs with an injected prompt",
}


class Point(Frozen):
    """The cells of one p and loss.

    `figures`: means over seeds with 95 % intervals over students, with `rouge_l` if reasons were written. `by_seed`:
    agreement of each seed's run. `poisoned`: number of poisoned labels (or submissions) of each seed, of `units`.
    `over_clean`: agreement minus that of the same loss at the lowest p. `over_first_loss`: agreement minus that of the
    series' first loss at the same p. Both are paired over students.
    """

    p: float
    loss: str
    seeds: tuple[int, ...]
    poisoned: tuple[int, ...]
    units: int
    figures: dict[str, Estimate]
    by_seed: tuple[float, ...]
    over_clean: Estimate
    over_first_loss: Estimate


class Curve(Frozen):
    """The contents of `robustness.json`, from `finished` of `cells` cells. `baselines`: agreement of graders that need
    no training, by name and p."""

    kind: PoisonKind
    decisions: int
    students: int
    finished: int
    cells: int
    label_smoothing: float
    points: tuple[Point, ...]
    baselines: dict[str, dict[str, Estimate]]


def curve(
    results: Sequence[CellResult],
    cells: Sequence[Cell],
    label_smoothing: float,
    baselines: Mapping[str, Mapping[float, Sequence[Decision]]],
    *,
    resamples: int,
) -> Curve:
    """The curve of the finished cells `results`, at least one, of the series `cells`.

    `baselines`: name -> p -> decisions on the same submissions, in the same order.
    """
    decisions = results[0].decisions
    draws = draw(decisions, "students", resamples=resamples)
    return Curve(
        kind=cells[0].kind,
        decisions=len(decisions),
        students=len({d.student for d in decisions}),
        finished=len(results),
        cells=len(cells),
        label_smoothing=label_smoothing,
        points=_points(results, losses_of(cells), draws),
        baselines={
            name: {f"{p:g}": estimate(figures(each, draws)["agreement"]) for p, each in by_p.items()}
            for name, by_p in baselines.items()
        },
    )


def _points(results: Sequence[CellResult], losses: Sequence[str], draws: Draws) -> tuple[Point, ...]:
    """One point for each p and loss, sorted. All results hold the same decisions, the ones `draws` was drawn from."""
    ordered = sorted(results, key=lambda each: (each.cell.p, losses.index(each.cell.loss), each.cell.seed))
    by_point = grouped_by(ordered, lambda each: (each.cell.p, each.cell.loss))
    drawn = {key: _figures(group, draws) for key, group in by_point.items()}
    points = []
    for (p, loss), group in by_point.items():
        ours = drawn[p, loss]
        clean = drawn[min(each for each, of in drawn if of == loss), loss]
        first = drawn.get((p, losses[0]), ours)
        points.append(
            Point(
                p=p,
                loss=loss,
                seeds=tuple(each.cell.seed for each in group),
                poisoned=tuple(each.poisoned for each in group),
                units=group[0].units,
                figures={name: estimate(values) for name, values in ours.items()},
                by_seed=tuple(_agreement(each.decisions) for each in group),
                over_clean=estimate(ours["agreement"] - clean["agreement"]),
                over_first_loss=estimate(ours["agreement"] - first["agreement"]),
            )
        )
    return tuple(points)


def _figures(results: Sequence[CellResult], draws: Draws) -> dict[str, Floats]:
    """name -> mean over `results` (the seeds) for the data and each resample, shape (1 + resamples,)."""
    found = [figures(result.decisions, draws) for result in results]
    means = {name: np.mean([each[name] for each in found], axis=0) for name in FIGURES}
    if all(result.rouge for result in results):
        means[ROUGE] = np.mean([weighted_mean(draws.decisions, np.array(each.rouge)) for each in results], axis=0)
    return means


def _agreement(decisions: Iterable[Decision]) -> float:
    return float(np.mean([d.human == d.grader for d in decisions]))


def write_plot(found: Curve, path: Path) -> None:
    """Writes a PNG: agreement against p, one line for each loss, error bars over students, one dot for each seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    levels = sorted({point.p for point in found.points})
    losses = list(dict.fromkeys(point.loss for point in found.points))
    for number, loss in enumerate(losses):
        points = [point for point in found.points if point.loss == loss]
        shift = (number - (len(losses) - 1) / 2) * 0.12
        xs = [levels.index(point.p) + shift for point in points]
        _error_bars(axes, xs, points, color=f"C{number}", label=f"DPO, {loss}")
        dots = [(x, seed) for x, point in zip(xs, points, strict=True) for seed in point.by_seed]
        axes.plot(*zip(*dots, strict=True), ".", color=f"C{number}", alpha=0.45, markersize=5)
    for number, (name, by_p) in enumerate(found.baselines.items()):
        heights = [by_p[f"{p:g}"].value or 0.0 for p in levels]
        axes.plot(range(len(levels)), heights, "--", color=f"{0.3 + 0.3 * number}", label=name)
    axes.set_xticks(range(len(levels)), [f"{p:g}" for p in levels])
    axes.set_xlabel(X_LABELS[found.kind])
    axes.set_ylabel("exact agreement on the clean test set")
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=100)


def _error_bars(axes: "Axes", xs: Sequence[float], points: Sequence[Point], *, color: str, label: str) -> None:
    values = [point.figures["agreement"] for point in points]
    middle, low, high = zip(*((each.value or 0.0, each.low or 0.0, each.high or 0.0) for each in values), strict=True)
    errors = [[m - x for m, x in zip(middle, low, strict=True)], [x - m for m, x in zip(middle, high, strict=True)]]
    axes.errorbar(xs, middle, yerr=errors, fmt="o-", color=color, label=label, capsize=3, markersize=5)
