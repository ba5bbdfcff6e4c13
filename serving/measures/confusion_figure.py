"""A picture of the confusion matrices, one panel a criterion title. Knows decisions, no model."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np

from serving.measures.decisions import Decision

COLUMNS = 4


def draw_confusions(decisions: Sequence[Decision], out: Path, *, title: str) -> None:
    """Writes a PNG: rows the TA's rating, columns the grader's (`?`: ungraded), cells counts shaded by row share.

    Criteria of the same title and number of ratings are pooled over labs; letters are positions in the rubric.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tables = pooled_confusions(decisions)
    rows = -(-len(tables) // COLUMNS)
    figure = Figure(figsize=(3.1 * COLUMNS, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}\nA cell counts decisions; its colour is its share of the row. ?: ungraded")
    axes = np.atleast_1d(figure.subplots(rows, COLUMNS, squeeze=False).ravel())
    for axis, (name, table) in zip(axes, tables.items(), strict=False):
        share = table / np.maximum(table.sum(1, keepdims=True), 1)
        axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for i, j in np.ndindex(table.shape):
            axis.text(j, i, f"{table[i, j]:.0f}", ha="center", va="center", color="w" if share[i, j] > 0.6 else "k")
        letters = [chr(ord("A") + i) for i in range(len(table))]
        axis.set_xticks(range(table.shape[1]), [*letters, "?"])
        axis.set_yticks(range(len(table)), letters)
        axis.set_title(fill(name, 34), fontsize=8)
        axis.set_xlabel("grader", fontsize=8)
        axis.set_ylabel("TA", fontsize=8)
    for axis in axes[len(tables) :]:
        axis.set_axis_off()
    figure.savefig(out, dpi=110)


def pooled_confusions(decisions: Sequence[Decision]) -> dict[str, np.ndarray]:
    """criterion title (with the number of ratings where a title has several) -> counts of shape (R, R + 1)."""
    sizes: dict[str, set[int]] = {}
    for decision in decisions:
        sizes.setdefault(decision.criterion, set()).add(decision.ratings)
    tables: dict[str, np.ndarray] = {}
    for d in decisions:
        name = d.criterion if len(sizes[d.criterion]) == 1 else f"{d.criterion} ({d.ratings} ratings)"
        table = tables.setdefault(name, np.zeros((d.ratings, d.ratings + 1)))
        table[d.human, d.ratings if d.grader is None else d.grader] += 1
    return tables
