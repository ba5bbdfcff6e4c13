"""`grader train --dry-run`: estimates steps, memory and time of a run, without leaving anything on disk."""

import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from rich.console import Console
from transformers import TrainerCallback

from labs_schema.errors import ModelError
from training.config import RunConfig
from training.dataset.examples import TrainingExample
from training.models.loading import empty_model
from training.quiet_libraries import quiet_libraries
from training.run.estimates import StageEstimate, count_trained_weights, estimate_memory, estimate_stage
from training.run.inputs import TrainingInputs, load_inputs
from training.run.speed import count_frozen_weights, count_linear_weights, measure_peak_flops
from training.run.stages import StageRun, StageStart, build_trainer, compute_dtype, run_trainer, stage_passes, use_bf16
from training.trainers.submission_batches import run_largest_batch

ASSUMED_MFU = 0.4
"""Used for the time estimate if no batch is timed."""
LONGEST_TIMING_SECONDS = 30.0
"""A batch, and then a few steps, are timed only if they should take less."""
TIMED_STEPS = 5


@dataclass(frozen=True)
class Timing:
    """Seconds: `start` builds the trainer; `largest` is the largest batch forward and backward; `step` is a whole step,
    of `tokens` tokens; `save` a checkpoint. `step` and `save` are None if steps were too long to time. `memory`: peak
    memory in bytes, of the GPU or of this process; 0 if it is unknown."""

    start: float
    largest: float
    step: float | None
    tokens: float
    save: float | None
    memory: int

    def seconds(self, *, steps: int, tokens: float, largest_tokens: int, save_steps: int) -> float:
        """Expected duration of a stage of `steps` with `tokens` in total, a checkpoint every `save_steps` and one at
        the end. Steps that are longer or shorter than the timed ones count by their tokens."""
        per_token = self.largest / largest_tokens
        if self.step is None or self.save is None:
            return self.start + per_token * tokens
        saves = -(-steps // save_steps) + 1
        stepping = steps * self.step + per_token * (tokens - steps * self.tokens)
        return self.start + max(stepping, 0.0) + saves * self.save


def dry_run(config: RunConfig, console: Console | None = None) -> str:
    """The report. Reads and checks all data, and times each stage's largest batch and a few steps if that is quick.

    Raises InputError, OverlongError or ModelError as `train` would.
    """
    console = console or Console(stderr=True)
    PartialState(cpu=not torch.cuda.is_available())
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    with quiet_libraries():
        inputs = load_inputs(config)
        model, peak = empty_model(inputs.base.source), measure_peak_flops(compute_dtype(config.bf16))
        lines = [f"{inputs.base.name}: {inputs.summary}", f"peak matmul speed: {peak / 1e12:.2f} TFLOP/s", ""]
        for name, stage in config.stages.items():
            examples = inputs.stage_examples(name)
            estimate = estimate_stage(
                stage, examples, seed=config.seed, max_steps=config.max_steps, processes=processes
            )
            trained = count_trained_weights(model, stage, inputs.base.lora_targets, config)
            half = use_bf16(config.bf16)
            targets = inputs.base.lora_targets
            memory = {"libraries and data": resident_bytes()} | estimate_memory(
                model, stage, estimate, trained=trained, targets=targets, config=config, half=half
            )
            frozen = count_frozen_weights(model, config.lora_layers)
            trained_part = count_linear_weights(model) - frozen
            epochs = max(stage.num_train_epochs, 1.0)  # the frozen part is computed in the first one only
            per_token = 2.0 * (stage_passes(name, stage, config) * trained_part + frozen / epochs)
            console.print(f"[dim]{name}: timing its largest batch and a few steps[/]", highlight=False)
            run = StageRun(name, config, StageStart(inputs.base.source, None, inputs.base.lora_targets))
            lines += _stage_lines(f"{name} ({stage.method}, packing {stage.packing})", estimate, trained, memory)
            lines.append(_time_line(run, inputs, examples, estimate, per_token / peak, processes))
    return "\n".join([*lines, "", "Nothing was trained. Remove --dry-run to start the run."])


def _stage_lines(name: str, estimate: StageEstimate, trained: int, memory: dict[str, int]) -> list[str]:
    ratio = estimate.unpacked_tokens / max(estimate.tokens, 1)
    parts = ", ".join(f"{part} {size / 1e9:.2f}" for part, size in memory.items() if size)
    return [
        name,
        f"  {estimate.submissions:,} submissions, {estimate.rows:,} rows, {estimate.steps:,} optimiser steps",
        f"  {estimate.tokens:,} tokens; without packing {estimate.unpacked_tokens:,} ({ratio:.1f} times)",
        f"  {trained:,} trained weights; largest batch {estimate.largest.tokens:,} tokens",
        f"  memory per process about {sum(memory.values()) / 1e9:.2f} GB: {parts}",
    ]


def _time_line(
    run: StageRun,
    inputs: TrainingInputs,
    examples: tuple[TrainingExample, ...],
    estimate: StageEstimate,
    seconds_per_token: float,
    processes: int,
) -> str:
    """`seconds_per_token`: at 100 % MFU."""
    assumed, largest = seconds_per_token / ASSUMED_MFU, estimate.largest.tokens
    assumption = f"  time about {_duration(assumed * estimate.tokens / processes)} (assuming MFU {ASSUMED_MFU:.0%}"
    if run.stage.packing != "tree" or assumed * largest > LONGEST_TIMING_SECONDS:
        return assumption + ", no batch timed)"
    try:
        timing = time_stage(run, inputs.tokenizer, examples, estimate.steps)
    except ModelError as error:
        return f"{assumption}; this machine cannot run it: {error})"
    total = timing.seconds(
        steps=estimate.steps,
        tokens=estimate.tokens / processes,
        largest_tokens=largest,
        save_steps=run.config.save_steps,
    )
    timed = f"timed: largest batch {timing.largest:.2f} s, MFU {seconds_per_token * largest / timing.largest:.0%}"
    if timing.step is None:
        timed += ", no full step"
    else:
        timed += f"; a step {timing.step:.2f} s; a checkpoint {timing.save:.2f} s"
    timed += f"; measured peak memory {timing.memory / 1e9:.2f} GB" if timing.memory else ""
    return f"  time about {_duration(total)} ({timed})"


def time_stage(run: StageRun, tokenizer: Any, examples: tuple[TrainingExample, ...], steps: int) -> Timing:
    """Runs the largest batch twice and, if that should take less than LONGEST_TIMING_SECONDS, the first steps (at most
    `steps`) and a checkpoint. Raises ModelError if this machine cannot run the stage."""
    steps = min(steps, TIMED_STEPS)
    config = run.config.model_copy(update={"max_steps": steps, "save_steps": steps, "logging_steps": 1})
    clock, peak = _StepClock(), PeakMemory()
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        timed = StageRun(run.name, config, run.start, checkpoints=Path(folder))
        trainer = build_trainer(timed, examples, tokenizer, callbacks=[clock])
        build = time.monotonic() - started
        cold, warm = _seconds_of_largest_batch(trainer), _seconds_of_largest_batch(trainer)
        largest = min(cold, warm)
        if largest * run.stage.gradient_accumulation_steps * steps <= LONGEST_TIMING_SECONDS:
            run_trainer(trainer, timed, "dry run")
    memory = peak.bytes()
    if not clock.marks:
        return Timing(build + cold, largest, None, 0.0, None, memory)
    (first, first_tokens), (last, last_tokens) = clock.marks[min(1, steps - 1)], clock.marks[-1]
    counted = max(steps - 1, 1)
    step, tokens = (last - first) / counted, (last_tokens - first_tokens) / counted
    # The first step also has one-off costs, which belong to the start.
    first_step = clock.marks[1][0] - clock.marks[0][0] - largest - step
    return Timing(build + cold + max(first_step, 0.0), largest, step, tokens, clock.ended - last, memory)


def _seconds_of_largest_batch(trainer: Any) -> float:
    started = time.monotonic()
    run_largest_batch(trainer)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic() - started


def resident_bytes() -> int:
    """Resident memory of this process, which counts if the model is in main memory. 0 on a GPU, or if unknown."""
    if not torch.cuda.is_available():
        with suppress(OSError, ValueError):
            return os.sysconf("SC_PAGE_SIZE") * int(Path("/proc/self/statm").read_text().split()[1])
    return 0


class PeakMemory:
    """The peak memory since it was created: of the GPU, or resident memory of this process (Linux)."""

    def __init__(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM: proc(5)

    def bytes(self) -> int:
        """0 if the system does not report it."""
        if torch.cuda.is_available():
            return int(torch.cuda.max_memory_allocated())
        with suppress(OSError, StopIteration):
            lines = Path("/proc/self/status").read_text().splitlines()
            return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
        return 0


class _StepClock(TrainerCallback):  # type: ignore[misc]
    """`marks`: time and tokens so far at the start of training and at the end of each step. `ended`: after the
    checkpoint."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []
        self.ended = 0.0
        self.tokens = 0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.marks.append((time.monotonic(), 0))

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.marks.append((time.monotonic(), self.tokens))

    def on_log(self, _args: Any, _state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        self.tokens = int((logs or {}).get("num_tokens", self.tokens))
        self.marks[-1] = (self.marks[-1][0], self.tokens)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.ended = time.monotonic()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
