"""Runs one cell of a robustness series: trains on its poisoned data, then grades the clean held-out test set."""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console

from grader.experiments.robustness.grid import Cell, CellResult
from grader.experiments.robustness.poison import Poison
from labs_schema.errors import ModelError
from labs_schema.files.atomic import write_atomically
from labs_schema.grades import Grade
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from prompts.verdict import parse_verdict
from serving.engines.engine_choice import EngineName
from serving.measures.decisions import Decision, decisions_from_grades
from serving.measures.rouge import rouge_l
from serving.model.loading import GraderOptions, load_grader
from training.config import RunConfig, dump_config
from training.dataset.row_formats import read_pairs
from training.models.merge import merge
from training.run.mixture import open_dataset
from training.run.train import train
from training.run_folder import RunFolder

Reasons = Mapping[tuple[str, str, str], str]
"""(lab, pseudonym of the submission, criterion) -> the TA's reason."""


def cell_config(cell: Cell, config: RunConfig, data: Path, label_smoothing: float) -> RunConfig:
    """`config` with the cell's data, seed and loss. Raises ModelError if `config` has no DPO stage."""
    if config.dpo is None:
        raise ModelError(
            "The robustness series compares DPO losses: the run's YAML needs a dpo section.", code="run-config"
        )
    smoothing = label_smoothing if cell.loss in ("robust", "exo_pair") else 0.0
    stage = config.dpo.model_dump() | {"loss_type": cell.loss, "label_smoothing": smoothing}
    updated = config.model_dump() | {"dataset": str(data), "seed": cell.seed, "dpo": stage}
    return RunConfig.model_validate(updated)


def train_cell(folder: Path, config: RunConfig, shared_sft: Path | None, console: Console) -> Path:
    """Trains in `folder`, resuming an interrupted run. `shared_sft`: finished SFT stage of a cell with the same data
    and another loss; it is copied instead of trained again."""
    run = RunFolder(folder)
    if not run.config.is_file():
        data = open_dataset(Path(str(config.dataset)))
        folder.mkdir(parents=True, exist_ok=True)
        run.write_dataset(data.sha256, data.manifest)
        if shared_sft is not None and not run.sft.exists():
            draft = run.sft.with_name("sft.copy")
            shutil.copytree(shared_sft, draft, dirs_exist_ok=True)
            draft.rename(run.sft)
        write_atomically(run.config, dump_config(config))
    return train(config, resume=folder, console=console)


def evaluate_cell(
    cell: Cell,
    run: Path,
    submissions: Sequence[tuple[Lab, Sequence[Submission]]],
    poison: Poison,
    reasons: Reasons,
    engine: EngineName,
    started: float,
) -> CellResult:
    """Grades `submissions` with the run's model. `reasons`: empty to grade without reasons. `started`: the monotonic
    clock when training began, in seconds."""
    if not torch.cuda.is_available():
        merge(run, dtype="float32")
    grader = load_grader(str(run), GraderOptions(engine=engine, dtype="float32"))
    decisions: list[Decision] = []
    rouge: list[float] = []
    for lab, members in submissions:
        grades = grader.grade(lab, members, reasoning=bool(reasons))
        answers = decisions_from_grades(lab, grades)
        decisions += answers
        rouge += _rouge(grades, answers, reasons) if reasons else []
    grader.close()
    return CellResult(
        cell=cell,
        poisoned=poison.poisoned,
        units=poison.units,
        seconds=round(time.monotonic() - started, 1),
        decisions=tuple(decisions),
        rouge=tuple(rouge),
    )


def reference_reasons(test: Path) -> Reasons:
    """The TAs' reasons in the verdicts of a `test.jsonl`."""
    found = {}
    for row in read_pairs(test):
        if reason := parse_verdict(row.chosen).reasoning:
            found[row.lab, row.submission, row.criterion] = reason
    return found


def _rouge(grades: Sequence[Grade], answers: Sequence[Decision], reasons: Reasons) -> list[float]:
    """ROUGE-L of each of `answers`, in order; 0 where the model gave no reason."""
    written = {(g.student, c.criterion): c.reasoning or "" for g in grades for c in g.criteria}
    return [
        rouge_l(
            reasons.get((d.lab, submission_key(d.lab, d.student), d.criterion), ""), written[d.student, d.criterion]
        )
        for d in answers
    ]
