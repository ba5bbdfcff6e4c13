"""The grid of a robustness series: one cell for each seed, p and DPO loss."""

import math
from collections.abc import Sequence
from typing import get_args

from grader.experiments.robustness.poison import PoisonKind
from labs_schema.errors import error_issue, quoted, raise_errors
from labs_schema.frozen import Frozen
from serving.measures.decisions import Decision
from training.config import LossType


class Cell(Frozen):
    """One training run of a series. `name`: stem of its result file."""

    kind: PoisonKind
    p: float
    seed: int
    loss: str

    @property
    def data(self) -> str:
        """Name of the poisoned dataset, which cells with other losses share."""
        return f"{self.kind}-p{self.p:g}-seed{self.seed}"

    @property
    def name(self) -> str:
        return f"{self.data}-{self.loss}"


class CellResult(Frozen):
    """A finished cell. `poisoned` of `units` labels (or submissions) were poisoned; the dataset's `poison.json` lists
    them. `seconds`: for training and grading. `rouge`: ROUGE-L of the reason of each decision, empty without reasons.
    """

    cell: Cell
    poisoned: int
    units: int
    seconds: float
    decisions: tuple[Decision, ...]
    rouge: tuple[float, ...] = ()


def grid(kind: PoisonKind, probabilities: str, losses: str, seeds: int) -> list[Cell]:
    """The cells of a series, seed by seed, so that an unfinished series has complete curves of its first seeds.

    `probabilities` and `losses` are comma-separated. Raises InputError for values outside 0..1 and unknown losses.
    """
    issues = []
    levels: list[float] = []
    for text in dict.fromkeys(probabilities.split(",")):
        try:
            levels.append(float(text))
        except ValueError:
            levels.append(math.nan)
        if not 0 <= levels[-1] <= 1:
            issues.append(error_issue("bad-p", "--p", found=quoted(text)))
    names = list(dict.fromkeys(name.strip() for name in losses.split(",")))
    for name in names:
        if name not in get_args(LossType):
            known = ", ".join(get_args(LossType))
            issues.append(error_issue("bad-loss", "--loss", found=quoted(name), expected=f"one of {known}"))
    raise_errors(issues)
    return [
        Cell(kind=kind, p=p, seed=seed, loss=loss)
        for seed in range(seeds)
        for p in sorted(set(levels))
        for loss in names
    ]


def losses_of(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell.loss for cell in cells))
