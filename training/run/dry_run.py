"""`grader train --dry-run`: what a run will take, told before it is begun. Leaves nothing on disk."""

import os

import torch
from accelerate import PartialState
from rich.console import Console

from labs_schema.errors import ModelError
from training.config import RunConfig
from training.dataset.examples import TrainingExample
from training.models.loading import empty_model
from training.quiet_libraries import quiet_libraries
from training.run.inputs import Inputs, open_inputs, stage_examples
from training.run.plan import StagePlan, memory_parts, plan_stage, trained_weights
from training.run.probe import probe
from training.run.speed import linear_weights, matmul_peak
from training.run.stages import compute_dtype, passes, use_bf16

SHARE_OF_PEAK = 0.4
"""Of the matmul peak, taken for the time where no batch is timed: a guess, and told as one."""
LONGEST_PROBE = 30.0
"""Seconds that a batch, and then a few steps, may be expected to take if they are to be timed."""


def dry_run(config: RunConfig, console: Console | None = None) -> str:
    """The report. Reads and checks all data, counts, and tries each stage's heaviest batch and a few steps, where
    that is quick. Raises InputError, OverlongError or ModelError as `train` would."""
    console = console or Console(stderr=True)
    PartialState(cpu=not torch.cuda.is_available())
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    with quiet_libraries():
        inputs = open_inputs(config)
        model, peak = empty_model(inputs.base.source), matmul_peak(compute_dtype(config.bf16))
        lines = [f"{inputs.base.name}: {inputs.told}", f"matmul peak of this machine: {peak / 1e12:.2f} TFLOP/s", ""]
        for name, stage in config.stages.items():
            examples = stage_examples(name, inputs.loaded)
            plan = plan_stage(stage, examples, seed=config.seed, max_steps=config.max_steps, processes=processes)
            trained = trained_weights(model, stage, inputs.base.lora_targets, config.lora_r)
            memory = memory_parts(model, stage, plan, trained=trained, config=config, half=use_bf16(config.bf16))
            per_token = 2.0 * passes(name, stage, config) * linear_weights(model)
            console.print(f"[dim]{name}: timing its heaviest batch and a few steps[/]", highlight=False)
            told = _time_told(name, config, inputs, examples, plan, per_token / peak, processes)
            lines += [*_stage_lines(f"{name} ({stage.method}, packing {stage.packing})", plan, trained, memory), told]
    return "\n".join([*lines, "", "Nothing was trained. Leave --dry-run out to begin."])


def _stage_lines(name: str, plan: StagePlan, trained: int, memory: dict[str, int]) -> list[str]:
    ratio = plan.stock_tokens / max(plan.tokens, 1)
    parts = ", ".join(f"{part} {size / 1e9:.2f}" for part, size in memory.items() if size)
    return [
        name,
        f"  {plan.submissions:,} submissions, {plan.rows:,} rows, {plan.steps:,} optimiser steps",
        f"  {plan.tokens:,} tokens through the model; one sequence a row: {plan.stock_tokens:,} ({ratio:.1f} times)",
        f"  {trained:,} weights learn; heaviest batch {plan.heaviest[0]:,} tokens",
        f"  memory of each process, about {sum(memory.values()) / 1e9:.2f} GB: {parts}",
    ]


def _time_told(
    name: str,
    config: RunConfig,
    inputs: Inputs,
    examples: tuple[TrainingExample, ...],
    plan: StagePlan,
    seconds_a_token: float,
    processes: int,
) -> str:
    """`seconds_a_token`: at the full matmul peak."""
    guess, heaviest = seconds_a_token / SHARE_OF_PEAK, plan.heaviest[0]
    guessed = f"  time, about {_duration(guess * plan.tokens / processes)} (guessed: {SHARE_OF_PEAK:.0%} of peak"
    if config.stages[name].packing != "tree" or guess * heaviest > LONGEST_PROBE:
        return guessed + ", no batch timed)"
    try:
        tried = probe(name, config, inputs, examples, plan.steps, LONGEST_PROBE)
    except ModelError as error:
        return f"{guessed}; this machine cannot run it: {error})"
    total = tried.seconds(
        steps=plan.steps, tokens=plan.tokens / processes, heaviest_tokens=heaviest, save_steps=config.save_steps
    )
    told = f"timed: heaviest batch {tried.heaviest:.2f} s, {seconds_a_token * heaviest / tried.heaviest:.0%} of peak"
    told += ", no whole step" if tried.step is None else f"; a step {tried.step:.2f} s; a checkpoint {tried.save:.2f} s"
    told += f"; {tried.memory / 1e9:.2f} GB of GPU memory used" if tried.memory else ""
    return f"  time, about {_duration(total)} ({told})"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
