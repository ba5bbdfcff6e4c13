"""`grader train`: SFT and DPO of a model on a data set, as a YAML says."""

import os
from pathlib import Path
from typing import Annotated

import typer

from training.models.presets import preset_table


def train(
    config: Annotated[
        Path | None, typer.Option(help="The YAML of the run; training/recipes/ has one a preset.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="The folder of a run that was stopped: go on there.")] = None,
    model: Annotated[str | None, typer.Option(help="Preset, folder or hub id of the base model.")] = None,
    dataset: Annotated[str | None, typer.Option(help="A folder of build-dataset, or a JSON Lines file.")] = None,
    output_dir: Annotated[str | None, typer.Option(help="Where run folders are made.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice.")] = None,
    lora_r: Annotated[int | None, typer.Option(help="Rank of the adapter.")] = None,
    lora_alpha: Annotated[int | None, typer.Option(help="Scale of the adapter, divided by its rank.")] = None,
    lora_dropout: Annotated[float | None, typer.Option(help="Share dropped in front of the adapter.")] = None,
    on_overlong: Annotated[
        str | None, typer.Option(help="A submission that does not fit: error, skip, middle.")
    ] = None,
    packing: Annotated[
        str | None, typer.Option(help="tree: a submission's program once for all its rows; none: trl's own way.")
    ] = None,
    tokens_per_step: Annotated[
        int | None, typer.Option(help="As many submissions to a batch as fit in so many tokens.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(help="End every stage after so many steps.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell steps, tokens, memory and time, and train nothing.")
    ] = False,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Any field: --set dpo.beta=0.2.")] = None,
) -> None:
    """Replaced below: it lists the presets."""
    from training.config import load_config
    from training.run.dry_run import dry_run as told
    from training.run.run import TrainingStoppedError, exit_all_ranks
    from training.run.run import train as run_training
    from training.run_folder import open_run_folder

    flags: dict[str, object] = {"model": model, "dataset": dataset, "output_dir": output_dir, "seed": seed}
    flags |= {"lora_r": lora_r, "lora_alpha": lora_alpha, "lora_dropout": lora_dropout}
    flags |= {"on_overlong": on_overlong, "max_steps": max_steps}
    of_stages = {"packing": packing, "tokens_per_step": tokens_per_step}
    given = [value for value in (*flags.values(), *of_stages.values()) if value is not None] or overrides
    if (config is None) == (resume is None) or (resume and given):
        raise typer.BadParameter("give either --config with any flags, or --resume alone: a run keeps its settings")
    settings = (
        load_config(config, flags, overrides or (), of_stages) if config else open_run_folder(resume or Path())[1]
    )
    try:
        done = told(settings) if dry_run else run_training(settings, resume=resume)
    except TrainingStoppedError as stopped:
        typer.echo(stopped, err=True)
        exit_all_ranks(130)
        raise typer.Exit(130) from None
    if os.environ.get("RANK", "0") == "0":
        typer.echo(done)
    exit_all_ranks()


train.__doc__ = f"""Tunes a model on graded labs: supervised first (SFT), then on preference pairs (DPO).

Example: [bold]grader train --config training/recipes/tiny.yaml --dataset data[/]

Ctrl-C stops after a step with a checkpoint; [bold]grader train --resume RUN[/] goes on.
[bold]--dry-run[/] tells what a run will take before it is begun.

On several GPUs: [bold]accelerate launch -m grader train --config training/recipes/qwen2.5-coder-7b.yaml[/]

Presets for --model:

{preset_table()}
"""
