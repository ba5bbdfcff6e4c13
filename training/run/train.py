"""A training run from config to run folder: `train`."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
from labs_schema.files.atomic import write_atomically
from labs_schema.files.full_disk import reporting_full_disk
from prompts.manifest import ModelManifest, prompt_hash, tokenizer_hash, write_manifest
from training.config import RunConfig
from training.quiet_libraries import quiet_libraries
from training.run.callbacks import ProgressBar
from training.run.checkpoints import latest_checkpoint, run_id, sealed_checkpoints, unsealed_checkpoints
from training.run.inputs import TrainingInputs, load_inputs
from training.run.metrics import MetricsLog, draw_curves
from training.run.model_card import model_card
from training.run.speed import SpeedMetrics, measure_peak_flops
from training.run.stages import (
    StageRun,
    best_checkpoint,
    build_trainer,
    compute_dtype,
    run_trainer,
    save_stage,
    stage_output,
    stage_passes,
    stage_start,
)
from training.run_folder import RunFolder, new_run_folder, update_latest_link
from training.trainers.pretokenized import NonFiniteError


class TrainingStoppedError(Exception):
    """Ctrl-C or SIGTERM ended the run after a step, with a checkpoint in the folder `run`."""

    def __init__(self, run: Path) -> None:
        self.run = run
        super().__init__(f"Stopped with a checkpoint. Resume with: grader train --resume {run}")


def train(config: RunConfig, *, resume: Path | None = None, console: Console | None = None) -> Path:
    """Runs the stages of `config`, or those that `resume` (a run folder) has not finished. Returns the run folder.

    Raises InputError, OverlongError or ModelError for what a user can fix (code `training-diverged`: a loss, gradient
    norm or weight was not finite), DiskFullError, TrainingStoppedError after Ctrl-C.
    """
    console = console or Console(stderr=True)
    main = PartialState(cpu=not torch.cuda.is_available()).is_main_process
    with quiet_libraries():
        started = time.monotonic()
        inputs = load_inputs(config)
        if inputs.base.warning and main:
            console.print(f"[yellow]{inputs.base.warning}[/]")
        with reporting_full_disk(Path(config.output_dir), "run the same command again."):
            run = _open_run(config, inputs, resume)
        with reporting_full_disk(run.path, f"resume with: grader train --resume {run.path}"):
            if main:
                inputs.tokenizer.save_pretrained(run.tokenizer)
                run.add_time("data_loading", time.monotonic() - started)
                console.print(f"{inputs.base.name}: {inputs.summary}. Run folder: {run.path}")
            for name in config.stages:
                if not stage_output(name, config, run).exists():
                    train_stage(name, config, inputs, run, console)
            if main:
                _finish(config, inputs, run)
    return run.path


def exit_all_ranks(status: int = 0) -> None:
    """Ends a distributed program: waits for all processes, then exits this one immediately with `status`. Returns if
    the program is not distributed. Works for process groups created by accelerate or torch."""
    # Ask torch, not accelerate: a `PartialState` created here first would not know of a torch group on a CPU.
    if not torch.distributed.is_initialized():
        return
    with quiet_libraries():  # NCCL's barrier would warn about the device that accelerate chose
        torch.distributed.barrier()
    sys.stdout.flush()
    sys.stderr.flush()
    # A normal exit may abort: gloo's threads can outlive the interpreter, and the launcher then reports a failure.
    os._exit(status)


def _open_run(config: RunConfig, inputs: TrainingInputs, resume: Path | None) -> RunFolder:
    """The run folder, the same in every process. A resumed run must have the same data as before."""
    if resume is not None:
        run = RunFolder(resume)
        if run.read_dataset() != inputs.data.sha256:
            raise ModelError(
                f"{resume}: the dataset changed since the run started. Start a new run.", code="changed-dataset"
            )
        return run
    path: list[Path | None] = [None]
    if PartialState().is_main_process:
        run = new_run_folder(Path(config.output_dir), inputs.base.name, config, datetime.now(UTC))
        run.write_dataset(inputs.data.sha256, inputs.data.manifest)
        run.write_world_size(PartialState().num_processes)
        path = [run.path]
    broadcast_object_list(path)
    return RunFolder(Path(path[0] or ""))


def train_stage(name: str, config: RunConfig, inputs: TrainingInputs, run: RunFolder, console: Console) -> None:
    """Trains one stage, from its newest checkpoint if there is one. Raises ModelError, TrainingStoppedError."""
    started, main = time.monotonic(), PartialState().is_main_process
    owner = run_id(run.config.read_text(), inputs.data.sha256 + inputs.validation_hash)
    checkpoints = run.checkpoints.absolute() / name
    stage_run = StageRun(
        name,
        config,
        stage_start(name, config, inputs.base, run),
        checkpoints=checkpoints,
        checkpoint=_checkpoint_to_resume(checkpoints, owner, console),
        initial_world_size=run.read_world_size(PartialState().num_processes),
    )
    passes = stage_passes(name, stage_run.stage, config)
    speed = SpeedMetrics(passes, measure_peak_flops(compute_dtype(config.bf16)), config.lora_layers)
    bar = ProgressBar(name, console)
    callbacks = [speed, MetricsLog(name, run.metrics, run.tensorboard), bar]
    trainer = build_trainer(
        stage_run,
        inputs.stage_examples(name),
        inputs.tokenizer,
        callbacks=callbacks,
        validation=inputs.validation.examples if inputs.validation else (),
    )
    with closing(bar), _naming_checkpoints(stage_run, run):
        finished = run_trainer(trainer, stage_run, owner)
        if main:
            run.add_time(name, time.monotonic() - started)
        if not finished:
            raise TrainingStoppedError(run.path)
        base = run.relative_source(stage_run.start.source)
        save_stage(trainer, stage_output(name, config, run), base, best_checkpoint(trainer, stage_run))
        if main and trainer.validation is not None:
            console.print(_best_line(name, trainer.state), highlight=False)
    if main:
        shutil.rmtree(checkpoints, ignore_errors=True)


def _best_line(name: str, state: Any) -> str:
    best = next(e for e in state.log_history if e["step"] == state.best_global_step and "eval_loss" in e)
    measured = f"validation loss {best['eval_loss']:.3f}, agreement {best['eval_agreement']:.3f}"
    return f"{name}: best step {state.best_global_step} of {state.global_step}: {measured}"


@contextmanager
def _naming_checkpoints(stage: StageRun, run: RunFolder) -> Iterator[None]:
    """Adds the last good checkpoint and the next command to the error of a diverged stage."""
    try:
        yield
    except NonFiniteError as error:
        sealed = sealed_checkpoints(stage.checkpoints, before=error.bad_after)
        checkpoint = str(sealed[-1]) if sealed else "none (see save_steps)"
        rate = f"{stage.name}.learning_rate={stage.stage.learning_rate / 10:g}"
        hint = f"Start again with a lower rate: grader train --config {run.config} --set {rate}"
        if not error.bad_after:
            hint = f"No weight was changed yet: check the base model {stage.start.source} for damaged weights."
        raise ModelError(
            f"{run.path}: {stage.name}: {error}. Last good checkpoint: {checkpoint}. No model was written. {hint}",
            code=error.code,
        ) from None


def _checkpoint_to_resume(checkpoints: Path, owner: str, console: Console) -> Path | None:
    """The newest complete checkpoint, the same in every process. Removes incomplete ones, with a message. Raises
    ModelError if it belongs to another run."""
    found: list[Any] = [None, None, None]
    if PartialState().is_main_process:
        for path in unsealed_checkpoints(checkpoints):
            console.print(f"[yellow]{escape(str(path))}: incomplete checkpoint (no seal.json), removed[/]")
            shutil.rmtree(path)
        try:
            found[0] = latest_checkpoint(checkpoints, owner)
        except ModelError as error:
            found[1:] = str(error), error.code
    broadcast_object_list(found)
    if found[1]:
        raise ModelError(found[1], code=found[2])
    checkpoint: Path | None = found[0]
    return checkpoint


def _finish(config: RunConfig, inputs: TrainingInputs, run: RunFolder) -> None:
    """Writes manifest, model card and curves."""
    manifest = _manifest(config, inputs, run)
    write_manifest(manifest, run.path)
    write_atomically(run.card, model_card(config, inputs, manifest, run.read_times()))
    draw_curves(run.metrics, run.curves)
    update_latest_link(run.path)


def _manifest(config: RunConfig, inputs: TrainingInputs, run: RunFolder) -> ModelManifest:
    base, data = inputs.base, inputs.data
    last = list(config.stages)[-1]
    lora = config.stages[last].method == "lora"
    weights = stage_start(last, config, base, run).source if lora else str(run.model)
    return ModelManifest(
        grader_version=version("grader"),
        base_model=run.relative_source(weights),
        trained_from=base.public_name,
        base_licence=base.licence,
        adapter=run.adapter.name if lora else None,
        tokenizer_hash=tokenizer_hash(inputs.tokenizer),
        prompt_hash=prompt_hash(data.manifest.style, inputs.tokenizer),
        style=data.manifest.style,
        context_length=inputs.encoder.context_length,
        on_overlong=inputs.encoder.on_overlong,
        option_order=data.manifest.option_order,
        dataset_hash=data.sha256,
        stages=tuple(config.stages),
    )
