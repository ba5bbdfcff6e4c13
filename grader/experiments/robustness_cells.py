"""The cells of a robustness series: seed by p by loss, each with its poisoned data set. Trains nothing."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from grader.experiments.poison import Kind, Poison, Poisoned, poison_labels, poison_prompts
from labs_schema.errors import InputError, quoted
from labs_schema.frozen import Frozen
from labs_schema.models import Lab
from prompts.style import PromptStyle
from serving.measures.decisions import Decision
from training.config import LossType
from training.dataset.files import MANIFEST, error, file_hash, read_pairs
from training.dataset.rows import OutputFile, PairRow
from training.run.opened_dataset import open_data
from training.run_folder import write_whole

TRAIN = "train.jsonl"


class Cell(Frozen):
    """What was trained: with which poison, of which loss. `name` is its file's."""

    kind: Kind
    p: float
    seed: int
    loss: str

    @property
    def data(self) -> str:
        """Cells of one poisoned data set have this in common."""
        return f"{self.kind}-p{self.p:g}-seed{self.seed}"

    @property
    def name(self) -> str:
        return f"{self.data}-{self.loss}"


class Measured(Frozen):
    """A finished cell. `rouge`: ROUGE-L of the reason of each of `decisions`, empty without reasons. Of the poison only
    the counts stand here; `poison.json` of the data set lists it. `seconds`: what training and grading took."""

    cell: Cell
    poisoned: int
    units: int
    seconds: float
    decisions: tuple[Decision, ...]
    rouge: tuple[float, ...] = ()


def grid(kind: Kind, ps: str, losses: str, seeds: int) -> list[Cell]:
    """The cells of a series, seed by seed, so that an unfinished one has the whole curve of its first seeds.

    `ps` and `losses` are separated by commas. Raises InputError for a p that is no probability, a loss trl has not.
    """
    issues = []
    levels: list[float] = []
    for text in dict.fromkeys(ps.split(",")):
        try:
            levels.append(float(text))
        except ValueError:
            levels.append(math.nan)
        if not 0 <= levels[-1] <= 1:
            issues.append(error("bad-p", "--p", quoted(text), "numbers from 0 to 1", "Write for instance 0,0.1."))
    names = list(dict.fromkeys(name.strip() for name in losses.split(",")))
    for name in names:
        if name not in get_args(LossType):
            known = ", ".join(get_args(LossType))
            issues.append(error("bad-loss", "--loss", quoted(name), f"losses among {known}", "Correct the name."))
    if issues:
        raise InputError(issues)
    return [
        Cell(kind=kind, p=p, seed=seed, loss=loss)
        for seed in range(seeds)
        for p in sorted(set(levels))
        for loss in names
    ]


def poisoned_data(cell: Cell, dataset: Path, labs: Mapping[str, Lab], out: Path) -> Poison:
    """Writes the data set of `cell` to the folder `out`: the training file, `poison.json`, and the manifest last."""
    clean = open_data(dataset)
    rows = [*read_pairs(clean.path)]
    made = _poisoned(cell, rows, labs, clean.manifest.style)
    out.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row.model_dump(), separators=(",", ":")).encode("ascii") + b"\n" for row in made.rows)
    (out / TRAIN).write_bytes(b"".join(lines))
    write_whole(out / "poison.json", made.poison.model_dump_json(indent=1) + "\n")
    size = (out / TRAIN).stat().st_size
    written = OutputFile(sha256=file_hash(out / TRAIN), bytes=size, rows=len(made.rows))
    manifest = clean.manifest.model_copy(update={"outputs": {TRAIN: written}})
    write_whole(out / MANIFEST, manifest.model_dump_json(indent=1) + "\n")
    return made.poison


def _poisoned(cell: Cell, rows: Sequence[PairRow], labs: Mapping[str, Lab], style: PromptStyle) -> Poisoned:
    if cell.kind == "labels":
        return poison_labels(rows, cell.p, cell.seed)
    return poison_prompts(rows, labs, style, cell.p, cell.seed)
