"""`grader train`: tunes a model with SFT and DPO, as a YAML file describes."""

import os
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import BaseModel, Overrides, pull_missing
from grader.terminal import notes, show
from prompts.base_models import preset_table

Config = Annotated[Path | None, typer.Option(metavar="FILE", help="Run configuration (YAML), as in training/recipes/.")]
Resume = Annotated[Path | None, typer.Option(metavar="RUN", help="Resume an interrupted run.")]
Dataset = Annotated[
    str | None,
    typer.Option(metavar="PATH", help="Folder from 'grader build-dataset', or JSON Lines file."),
]
EvalDataset = Annotated[
    str | None,
    typer.Option(metavar="PATH", help="Validation file of 'grader build-dataset --dev-split'."),
]
OutputDir = Annotated[str | None, typer.Option(metavar="FOLDER", help="Parent folder of run folders.")]
Overlong = Annotated[
    str | None, typer.Option(metavar="error|skip|middle", help="Policy for submissions that do not fit the context.")
]
Packing = Annotated[
    str | None,
    typer.Option(
        metavar="tree|none", help="tree: one pass over a submission for all its rows; none: trl's default collator."
    ),
]
TokensPerStep = Annotated[int | None, typer.Option(help="Cap a batch by tokens instead of submissions.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Estimate steps, tokens, memory and time. Trains nothing.")]


def train(
    config: Config = None,
    resume: Resume = None,
    model: BaseModel = None,
    dataset: Dataset = None,
    eval_dataset_path: EvalDataset = None,
    output_dir: OutputDir = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
    lora_r: Annotated[int | None, typer.Option(help="LoRA rank.")] = None,
    lora_alpha: Annotated[int | None, typer.Option(help="LoRA scale, divided by the rank.")] = None,
    lora_dropout: Annotated[float | None, typer.Option(help="LoRA dropout probability.")] = None,
    on_overlong: Overlong = None,
    packing: Packing = None,
    tokens_per_step: TokensPerStep = None,
    max_steps: Annotated[int | None, typer.Option(help="Stop every stage after N steps.")] = None,
    dry_run: DryRun = False,
    overrides: Overrides = None,
) -> None:
    """Replaced below: it lists the presets."""
    from grader.experiments.train_head import train_head
    from training.config import load_config
    from training.run.dry_run import dry_run as estimate
    from training.run.train import TrainingStoppedError, exit_all_ranks
    from training.run.train import train as run_training
    from training.run_folder import open_run_folder

    flags: dict[str, object] = {"model": model, "dataset": dataset, "output_dir": output_dir, "seed": seed}
    flags |= {"lora_r": lora_r, "lora_alpha": lora_alpha, "lora_dropout": lora_dropout}
    flags |= {"on_overlong": on_overlong, "max_steps": max_steps, "eval_dataset": eval_dataset_path}
    stage_flags = {"packing": packing, "tokens_per_step": tokens_per_step}
    given = [value for value in (*flags.values(), *stage_flags.values()) if value is not None] or overrides
    if (config is None) == (resume is None) or (resume and given):
        raise typer.BadParameter("give either --config with any flags, or --resume alone: a run's settings are fixed")
    settings = (
        load_config(config, flags, overrides or (), stage_flags) if config else open_run_folder(resume or Path())[1]
    )
    pull_missing(settings.model)
    if settings.head:
        if resume or dry_run:
            raise typer.BadParameter("a head is trained in minutes: run it again, without --resume and --dry-run")
        run = train_head(settings)
        show({"run": run}, str(run))
        return
    try:
        done = estimate(settings) if dry_run else run_training(settings, resume=resume)
    except TrainingStoppedError as stopped:
        notes().print(str(stopped), markup=False)
        exit_all_ranks(130)
        raise typer.Exit(130) from None
    if os.environ.get("RANK", "0") == "0":
        show({"estimate" if dry_run else "run": done}, str(done))
    exit_all_ranks()


train.__doc__ = f"""Tunes a model on graded labs with SFT, then DPO.

Example: [bold]grader train --config training/recipes/smollm2-135m.yaml --dataset data[/]

Ctrl-C saves a checkpoint after the current step; [bold]grader train --resume RUN[/] resumes.
[bold]--dry-run[/] estimates steps, tokens, memory and time first.

A [bold]head[/] section trains a head on the frozen model instead: minutes on a CPU, as in
[bold]training/recipes/head.yaml[/].

On several GPUs: [bold]accelerate launch -m grader train --config training/recipes/qwen2.5-coder-7b.yaml[/]

Exit status: 0 for success, 1 for an error, 2 for wrong options, 130 if interrupted, after a checkpoint.

Presets for --model:

{preset_table()}
"""
