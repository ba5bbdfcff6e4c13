"""Checkpoints: hashed on completion, loaded only by the run that wrote them, with the metrics not yet logged.

A trainer's checkpoint contains pickles, which can run code when loaded. `seal.json`, written last, has the run's id and
the hash of every file. A checkpoint without one is incomplete or from elsewhere and is never loaded; one that changed,
or belongs to another run, is rejected.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from labs_schema.errors import ModelError
from labs_schema.files.atomic import write_atomically
from labs_schema.hashes import file_hash
from training.models.finite_weights import non_finite_weight
from training.trainers.pretokenized import NonFiniteError, any_process
from training.trainers.submission_batches import SubmissionBatches

SEAL = "seal.json"
METRICS = "running_metrics.json"


def run_id(config_text: str, dataset_hash: str) -> str:
    """SHA-256 over config and dataset: what a checkpoint belongs to."""
    return hashlib.sha256(f"{config_text}\0{dataset_hash}".encode()).hexdigest()


def seal(checkpoint: Path, run: str) -> None:
    """Marks a checkpoint as complete."""
    files = {str(path.relative_to(checkpoint)): file_hash(path) for path in _files(checkpoint)}
    write_atomically(checkpoint / SEAL, json.dumps({"run": run, "files": files}, indent=2) + "\n")


def unsealed_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints in `folder` that are incomplete, because their run was killed, or not this program's."""
    return [path for path in _checkpoints(folder) if not (path / SEAL).is_file()]


def latest_checkpoint(folder: Path, run: str) -> Path | None:
    """The newest complete checkpoint in `folder`, None if there is none. Raises ModelError if it changed, or belongs to
    another run."""
    sealed = sealed_checkpoints(folder)
    if sealed and (reason := _reason_to_reject(sealed[-1], run)):
        raise ModelError(
            f"{sealed[-1]}: {reason}. Remove that folder to resume from the previous checkpoint.", code="bad-checkpoint"
        )
    return sealed[-1] if sealed else None


def checked_checkpoint(checkpoint: Path) -> Path:
    """`checkpoint`, if it is complete and unchanged; raises ModelError otherwise."""
    if reason := _reason_to_reject(checkpoint, None):
        raise ModelError(
            f"{checkpoint}: {reason}, so the best weights are lost. Start a new run.", code="bad-checkpoint"
        )
    return checkpoint


class SealCheckpoints(TrainerCallback):  # type: ignore[misc]
    """Seals every checkpoint. Must come after all callbacks that write into it. Raises NonFiniteError, and seals
    nothing, if a trained weight is not finite."""

    def __init__(self, trainer: Any, run: str) -> None:
        self.trainer, self.run = trainer, run

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        trained = ((name, p) for name, p in self.trainer.model.named_parameters() if p.requires_grad)
        name = non_finite_weight(trained)
        if any_process(name is not None):
            what = f"the weights {name or 'of another process'} are not finite"
            raise NonFiniteError(what, state.global_step, self.trainer.step_rate, state.global_step)
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
        if state.is_world_process_zero:
            seal(checkpoint_folder(args, state), self.run)


class SaveRunningMetrics(TrainerCallback):  # type: ignore[misc]
    """Stores the metrics since the last log line in each checkpoint, so that a resumed run logs the same values."""

    def __init__(self, trainer: Any, checkpoint: Path | None) -> None:
        self.trainer, self.checkpoint = trainer, checkpoint

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        if not isinstance(self.trainer, SubmissionBatches):
            return
        totals = self.trainer.metric_totals()  # of all processes, so that any number of them can resume
        if state.is_world_process_zero:
            (checkpoint_folder(args, state) / METRICS).write_text(json.dumps(totals))

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        if self.checkpoint is not None and (file := self.checkpoint / METRICS).is_file():
            self.trainer.restore_metrics(json.loads(file.read_text()))


def checkpoint_folder(args: Any, state: Any) -> Path:
    """The folder of the checkpoint at the current step."""
    return Path(args.output_dir) / f"checkpoint-{state.global_step}"


def sealed_checkpoints(folder: Path, before: int | None = None) -> list[Path]:
    """The complete checkpoints in `folder`, from the oldest to the newest. `before`: only those of earlier steps."""
    return [
        path
        for path in _checkpoints(folder)
        if (path / SEAL).is_file() and (before is None or int(path.name[11:]) < before)
    ]


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoints, oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir() and path.name[11:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[11:]))


def _reason_to_reject(checkpoint: Path, run: str | None) -> str | None:
    """Why the checkpoint cannot be used, None if it can. `run`: the run that must own it; None for any."""
    try:
        sealed = json.loads((checkpoint / SEAL).read_text())
        owner, files = sealed["run"], dict(sealed["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"its {SEAL} is unreadable"
    if run not in (None, owner):
        return "it belongs to another run, or the config or dataset changed since"
    if files != {str(path.relative_to(checkpoint)): file_hash(path) for path in _files(checkpoint)}:
        return "its files changed since it was written"
    return None


def _files(checkpoint: Path) -> list[Path]:
    return sorted(path for path in checkpoint.rglob("*") if path.is_file() and path.name != SEAL)
