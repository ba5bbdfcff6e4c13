"""From the finished cells of a robustness series to its curve: figures with intervals. Knows no model and no file."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from grader.experiments.poison import Kind
from grader.experiments.robustness_cells import Measured
from labs_schema.frozen import Frozen
from serving.measures.agreement import figures
from serving.measures.decisions import Decision
from serving.measures.resampling import Draws, Estimate, Floats, draw, estimate, weighted_mean

FIGURES = ("agreement", "macro_f1", "kappa", "marks_mae")
ROUGE = "rouge_l"


class Point(Frozen):
    """One p and loss. `figures`: means over seeds, on clean kept work, with 95 % intervals over students; `rouge_l` is
    there where reasons were written. `by_seed`: the agreement of each seed's run. `poisoned`: how many labels, or
    submissions, were poisoned for each seed, of `units`."""

    p: float
    loss: str
    seeds: tuple[int, ...]
    poisoned: tuple[int, ...]
    units: int
    figures: dict[str, Estimate]
    by_seed: tuple[float, ...]
    over_clean: Estimate
    """The agreement less that of the same loss at the lowest p, on the same students."""
    over_first: Estimate
    """The agreement less that of the series' first loss at the same p."""


class Robustness(Frozen):
    """`robustness.json`. `baselines`: the agreement of graders that nothing was trained for, by their name and p."""

    kind: Kind
    decisions: int
    students: int
    cells: int
    of_cells: int
    label_smoothing: float
    points: tuple[Point, ...]
    baselines: dict[str, dict[str, Estimate]]


def curve(cells: Sequence[Measured], losses: Sequence[str], draws: Draws) -> tuple[Point, ...]:
    """A point for each p and loss of `cells`, sorted. All cells hold the same decisions, those that `draws` drew."""
    by_point: dict[tuple[float, str], list[Measured]] = {}
    for cell in sorted(cells, key=lambda each: (each.cell.p, losses.index(each.cell.loss), each.cell.seed)):
        by_point.setdefault((cell.cell.p, cell.cell.loss), []).append(cell)
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
                over_first=estimate(ours["agreement"] - first["agreement"]),
            )
        )
    return tuple(points)


def _figures(cells: Sequence[Measured], draws: Draws) -> dict[str, Floats]:
    """name -> the mean over `cells` (the seeds) for the data and each resample, shape (1 + resamples,)."""
    found = [figures(cell.decisions, draws) for cell in cells]
    means = {name: np.mean([each[name] for each in found], axis=0) for name in FIGURES}
    if all(cell.rouge for cell in cells):
        means[ROUGE] = np.mean([weighted_mean(draws.decisions, np.array(cell.rouge)) for cell in cells], axis=0)
    return means


def _agreement(decisions: Iterable[Decision]) -> float:
    return float(np.mean([d.human == d.grader for d in decisions]))


def robustness(
    cells: Sequence[Measured],
    kind: Kind,
    losses: Sequence[str],
    of_cells: int,
    label_smoothing: float,
    baselines: Mapping[str, Mapping[float, Sequence[Decision]]],
    *,
    resamples: int,
) -> Robustness:
    """The curve of the cells there are, one or more. `baselines`: name -> p -> decisions on the same work in order."""
    decisions = cells[0].decisions
    draws = draw(decisions, "students", resamples=resamples)
    return Robustness(
        kind=kind,
        decisions=len(decisions),
        students=len({d.student for d in decisions}),
        cells=len(cells),
        of_cells=of_cells,
        label_smoothing=label_smoothing,
        points=curve(cells, losses, draws),
        baselines={
            name: {f"{p:g}": estimate(figures(each, draws)["agreement"]) for p, each in by_p.items()}
            for name, by_p in baselines.items()
        },
    )
