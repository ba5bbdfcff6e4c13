"""`grader init-model`: trains the tiny base model from scratch."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import Seed


def init_model(
    dataset: Annotated[
        Path, typer.Option("--dataset", metavar="PATH", help="Folder or training file from 'grader build-dataset'.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Output folder.")] = Path("models/tiny"),
    steps: Annotated[int, typer.Option(min=1, help="Language-modelling steps; 300 take about 1.5 minutes.")] = 300,
    seed: Seed = 0,
) -> None:
    """Trains a tiny base model from scratch.

    A tokenizer and a Llama of at most 0.87 million weights (fewer if the texts yield fewer than 2,048 tokens), trained
    on the dataset's programs, never on their ratings. With it, everything runs offline on a CPU.

    It learns the habits of the labs it is tuned on and does not generalise to other labs. It cannot learn shuffled
    options, so build its dataset with:

    [bold]grader build-dataset --parent-dir labs --prompt compact --option-order given[/]

    Example: [bold]grader init-model --dataset data --out models/tiny[/]
    """
    from rich.console import Console

    from training.dataset.row_formats import read_pairs
    from training.quiet_libraries import quiet_libraries
    from training.run.callbacks import training_progress
    from training.run.mixture import open_dataset
    from training.tiny.base import init_model as make_model
    from training.tiny.base import too_hard

    data = open_dataset(dataset)
    if warning := too_hard(data.manifest):
        typer.echo(f"{data.path}: {warning}", err=True)
    with quiet_libraries(), training_progress(Console(stderr=True)) as progress:
        weights = make_model(read_pairs(data.path), out, steps=steps, seed=seed, progress=progress)
    typer.echo(f"{out}: {weights:,} weights. Tune it:")
    typer.echo(f"grader train --config training/recipes/tiny.yaml --dataset {dataset} --model {out}")
