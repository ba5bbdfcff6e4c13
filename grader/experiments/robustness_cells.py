"""One cell of a robustness series: a poisoned data set, a model trained on it, and its answers on clean kept work.

Cells that differ only in DPO's loss share their SFT, which sees the poisoned labels too. Knows no statistics.
"""

import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import torch
from rich.console import Console

from grader.experiments.poison import Kind, Poison, Poisoned, poison_labels, poison_prompts
from labs_schema.collector import excerpt
from labs_schema.errors import FaultsError, ModelError
from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from prompts.style import PromptStyle
from prompts.verdict import parse_verdict
from serving.engines.engine_choice import EngineName
from serving.measures.decisions import Decision, decisions
from serving.measures.rouge import rouge_l
from serving.served_model import load_grader
from training.config import LossType, RunConfig, dump_config
from training.data import open_data
from training.dataset_files import MANIFEST, error, file_hash, read_pairs
from training.merge import merge
from training.rows import OutputFile, PairRow
from training.run import train
from training.run_folder import RunFolder, write_whole

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

    `ps` and `losses` are separated by commas. Raises FaultsError for a p that is no probability, a loss trl has not.
    """
    faults = []
    levels: list[float] = []
    for text in dict.fromkeys(ps.split(",")):
        try:
            levels.append(float(text))
        except ValueError:
            levels.append(math.nan)
        if not 0 <= levels[-1] <= 1:
            faults.append(error("bad-p", "--p", excerpt(text), "numbers from 0 to 1", "Write for instance 0,0.1."))
    names = list(dict.fromkeys(name.strip() for name in losses.split(",")))
    for name in names:
        if name not in get_args(LossType):
            known = ", ".join(get_args(LossType))
            faults.append(error("bad-loss", "--loss", excerpt(name), f"losses among {known}", "Correct the name."))
    if faults:
        raise FaultsError(faults)
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


def cell_config(cell: Cell, config: RunConfig, data: Path, label_smoothing: float) -> RunConfig:
    """The run of `cell`: `config` with its data, seed and loss. Raises ModelError where `config` has no DPO."""
    if config.dpo is None:
        raise ModelError("robustness compares losses of DPO: the run's YAML needs a dpo section.")
    smoothing = label_smoothing if cell.loss in ("robust", "exo_pair") else 0.0
    stage = config.dpo.model_dump() | {"loss_type": cell.loss, "label_smoothing": smoothing}
    found = config.model_dump() | {"dataset": str(data), "seed": cell.seed, "dpo": stage}
    return RunConfig.model_validate(found)


def trained(folder: Path, config: RunConfig, shared_sft: Path | None, console: Console) -> Path:
    """Trains in `folder`, on from where an earlier call was killed. `shared_sft`: what the SFT of another loss left."""
    run = RunFolder(folder)
    if not run.config.is_file():
        data = open_data(Path(str(config.dataset)))
        folder.mkdir(parents=True, exist_ok=True)
        run.write_dataset(data.sha256, data.manifest)
        if shared_sft is not None and not run.sft.exists():
            draft = run.sft.with_name("sft.copy")
            shutil.copytree(shared_sft, draft, dirs_exist_ok=True)
            draft.rename(run.sft)
        write_whole(run.config, dump_config(config))
    return train(config, resume=folder, console=console)


def measured(
    cell: Cell,
    run: Path,
    kept: Sequence[tuple[Lab, Sequence[Submission]]],
    poison: Poison,
    reasons: Mapping[tuple[str, str, str], str],
    engine: EngineName,
    begun: float,
) -> Measured:
    """The run's answers on `kept`. `reasons`: (lab, submission's pseudonym, criterion) -> the TA's; empty: none asked.

    `begun`: the monotonic clock when training began.
    """
    if not torch.cuda.is_available():
        merge(run, dtype="float32")
    grader = load_grader(str(run), engine=engine, dtype="float32")
    found: list[Decision] = []
    rouge: list[float] = []
    for lab, work in kept:
        grades = grader.grade(lab, work, reasoning=bool(reasons))
        answers = decisions(lab, grades)
        found += answers
        rouge += _rouge(grades, answers, reasons) if reasons else []
    grader.close()
    return Measured(
        cell=cell,
        poisoned=poison.poisoned,
        units=poison.units,
        seconds=round(time.monotonic() - begun, 1),
        decisions=tuple(found),
        rouge=tuple(rouge),
    )


def reference_reasons(test: Path) -> dict[tuple[str, str, str], str]:
    """(lab, submission's pseudonym, criterion) -> the reason in the TA's verdict, of a `test.jsonl`."""
    found = {}
    for row in read_pairs(test):
        if reason := parse_verdict(row.chosen).reasoning:
            found[row.lab, row.submission, row.criterion] = reason
    return found


def _rouge(
    grades: Sequence[Grade], answers: Sequence[Decision], reasons: Mapping[tuple[str, str, str], str]
) -> list[float]:
    """In the order of `answers`; 0 where the model gave no reason."""
    written = {(g.student, c.criterion): c.reasoning or "" for g in grades for c in g.criteria}
    return [
        rouge_l(
            reasons.get((d.lab, submission_key(d.lab, d.student), d.criterion), ""), written[d.student, d.criterion]
        )
        for d in answers
    ]
