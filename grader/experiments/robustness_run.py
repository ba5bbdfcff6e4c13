"""A cell of a robustness series, run: trained on its poisoned data, then measured on clean kept work.

Cells that differ only in DPO's loss share their SFT, which sees the poisoned data too. Knows no statistics.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console

from grader.experiments.poison import Poison
from grader.experiments.robustness_cells import Cell, Measured
from labs_schema.errors import ModelError
from labs_schema.grades import Grade
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from prompts.verdict import parse_verdict
from serving.engines.engine_choice import EngineName
from serving.measures.decisions import Decision, decisions
from serving.measures.rouge import rouge_l
from serving.model.loading import GraderOptions, load_grader
from training.config import RunConfig, dump_config
from training.dataset.files import read_pairs
from training.models.merge import merge
from training.run.opened_dataset import open_data
from training.run.run import train
from training.run_folder import RunFolder, write_whole


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
    grader = load_grader(str(run), GraderOptions(engine=engine, dtype="float32"))
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
