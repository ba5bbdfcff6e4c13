"""A training run, from top to bottom: a data set in, a run folder with a tuned model out."""

import os
import shutil
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console
from rich.markup import escape

from labs_schema.errors import ModelError
from prompts.encode import PromptEncoder
from prompts.manifest import ModelManifest, prompt_hash, tokenizer_hash, write_manifest
from training.config import RunConfig
from training.dataset.examples import TrainingExample
from training.models.bases import Base
from training.quiet_libraries import quiet_libraries
from training.run.callbacks import ProgressBar
from training.run.checkpoints import latest_checkpoint, run_id, unsealed_checkpoints
from training.run.curves import draw_curves
from training.run.inputs import open_inputs, stage_examples
from training.run.metrics_log import MetricsLog
from training.run.mixture import Mixture
from training.run.model_card import model_card
from training.run.speed import Speed, matmul_peak
from training.run.stages import build_trainer, compute_dtype, output_of, passes, run_trainer, save_stage, start_of
from training.run_folder import RunFolder, new_run_folder, point_latest, write_whole


class TrainingStoppedError(Exception):
    """Ctrl-C ended the run after a step, with a checkpoint in the folder `run`."""

    def __init__(self, run: Path) -> None:
        self.run = run
        super().__init__(f"Stopped with a checkpoint. Go on with: grader train --resume {run}")


def train(config: RunConfig, *, resume: Path | None = None, console: Console | None = None) -> Path:
    """Runs the stages of `config`, those that `resume` (a run folder) has not finished; returns the run folder.

    Raises InputError, OverlongError or ModelError for what a user can hint, TrainingStoppedError after Ctrl-C.
    """
    console = console or Console(stderr=True)
    main = PartialState(cpu=not torch.cuda.is_available()).is_main_process
    with quiet_libraries():
        begun = time.monotonic()
        inputs = open_inputs(config)
        base, data, loaded, tokenizer = inputs.base, inputs.data, inputs.loaded, inputs.tokenizer
        if base.warning and main:
            console.print(f"[yellow]{base.warning}[/]")

        run = _open(config, base, data, resume)
        if main:
            tokenizer.save_pretrained(run.tokenizer)
            run.add_time("data_loading", time.monotonic() - begun)
            console.print(f"{base.name}: {inputs.told}. Run folder: {run.path}")

        for name in config.stages:
            if not output_of(name, config, run).exists():
                _train_stage(name, config, base, data, run, stage_examples(name, loaded), tokenizer, console)

        if main:
            manifest = _manifest(config, base, data, run, tokenizer, inputs.encoder)
            write_manifest(manifest, run.path)
            write_whole(run.card, model_card(config, base, manifest, data.manifest, loaded, run.read_times()))
            draw_curves(run.metrics, run.curves)
            point_latest(run.path)
    return run.path


def exit_all_ranks(status: int = 0) -> None:
    """For the end of a program that may be one of several processes: waits until all of them are here, then ends this
    one with `status`. At once, without Python's own end: gloo's threads may outlive it, and are then aborted, and the
    launcher takes a finished run for a failed one. Does nothing in a process of its own.

    Whoever joined the processes, accelerate or torch: a `PartialState` that is made here first would not know of
    others on a CPU.
    """
    if not torch.distributed.is_initialized():
        return
    with quiet_libraries():  # NCCL's barrier would warn of the device that accelerate has chosen
        torch.distributed.barrier()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _open(config: RunConfig, base: Base, data: Mixture, resume: Path | None) -> RunFolder:
    """The run folder, the same one in every process; one that is resumed must have been begun with the same data."""
    if resume is not None:
        run = RunFolder(resume)
        if run.read_dataset() != data.sha256:
            raise ModelError(f"{resume}: begun with another data set than its files are now. Start a new run.")
        return run
    path: list[Path | None] = [None]
    if PartialState().is_main_process:
        run = new_run_folder(Path(config.output_dir), base.name, config, datetime.now(UTC))
        run.write_dataset(data.sha256, data.manifest)
        run.write_launch(PartialState().num_processes)
        path = [run.path]
    broadcast_object_list(path)
    return RunFolder(Path(path[0] or ""))


def _train_stage(
    name: str,
    config: RunConfig,
    base: Base,
    data: Mixture,
    run: RunFolder,
    examples: tuple[TrainingExample, ...],
    tokenizer: Any,
    console: Console,
) -> None:
    begun, main = time.monotonic(), PartialState().is_main_process
    mark = run_id(run.config.read_text(), data.sha256)
    start, checkpoints = start_of(name, config, base, run), run.checkpoints / name
    stage, checkpoint = config.stages[name], _checkpoint_to_go_on_from(checkpoints, mark, console)
    speed = Speed(passes(name, stage, config), matmul_peak(compute_dtype(config.bf16)))
    log = MetricsLog(name, run.metrics, run.tensorboard)
    trainer = build_trainer(
        stage,
        config,
        start,
        examples,
        tokenizer,
        checkpoints=checkpoints,
        checkpoint=checkpoint,
        callbacks=[speed, log, ProgressBar(name, console)],
        initial_world_size=run.read_launch(PartialState().num_processes),
    )
    finished = run_trainer(trainer, stage, checkpoint, mark)
    if main:
        run.add_time(name, time.monotonic() - begun)
    if not finished:
        raise TrainingStoppedError(run.path)
    save_stage(trainer, output_of(name, config, run), run.portable(start.source))
    if main:
        shutil.rmtree(checkpoints, ignore_errors=True)


def _checkpoint_to_go_on_from(checkpoints: Path, mark: str, console: Console) -> Path | None:
    """The newest checkpoint that is whole, the same one in every process; others are removed with a word. Raises
    ModelError where it is not this run's."""
    found: list[Any] = [None, None]
    if PartialState().is_main_process:
        for path in unsealed_checkpoints(checkpoints):
            console.print(
                f"[yellow]{escape(str(path))}: half-written (it has no seal), so it is left out and removed[/]"
            )
            shutil.rmtree(path)
        try:
            found[0] = latest_checkpoint(checkpoints, mark)
        except ModelError as error:
            found[1] = str(error)
    broadcast_object_list(found)
    if found[1]:
        raise ModelError(found[1])
    checkpoint: Path | None = found[0]
    return checkpoint


def _manifest(
    config: RunConfig, base: Base, data: Mixture, run: RunFolder, tokenizer: Any, encoder: PromptEncoder
) -> ModelManifest:
    last = list(config.stages)[-1]
    lora = config.stages[last].method == "lora"
    weights = start_of(last, config, base, run).source if lora else str(run.model)
    return ModelManifest(
        grader_version=version("grader"),
        base_model=run.portable(weights),
        trained_from=base.name if Path(base.source).is_dir() else base.source,
        base_licence=base.licence,
        adapter=run.adapter.name if lora else None,
        tokenizer_hash=tokenizer_hash(tokenizer),
        prompt_hash=prompt_hash(data.manifest.style, tokenizer),
        style=data.manifest.style,
        context_length=encoder.context_length,
        on_overlong=encoder.on_overlong,
        option_order=data.manifest.option_order,
        dataset_hash=data.sha256,
        stages=tuple(config.stages),
    )
