"""`grader init-model`: the tiny base, made from nothing."""

from pathlib import Path
from typing import Annotated

import typer


def init_model(
    dataset: Annotated[Path, typer.Option(help="What build-dataset wrote: its folder or training file.")],
    out: Annotated[Path, typer.Option(help="Folder of the new model.")] = Path("models/tiny"),
    steps: Annotated[int, typer.Option(min=1, help="Steps of language modelling; 300 take about 1.5 minutes.")] = 300,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
) -> None:
    """Makes a tiny base model from nothing: a tokenizer and a Llama of at most 0.87 million weights (fewer where the
    texts give fewer than 2,048 tokens) that has read the training programs of a data set, never their ratings.
    Everything then runs offline on a CPU.

    It learns the habits of the labs it is tuned on; it does not grade labs that it has never seen. Build the data set
    for it in short words and in the rubric's order, for it does not understand shuffled options:

    [bold]grader build-dataset --parent-dir labs --prompt compact --option-order given[/]

    Example: [bold]grader init-model --dataset data --out models/tiny[/]
    """
    from rich.console import Console

    from training.dataset.files import read_pairs
    from training.quiet_libraries import quiet_libraries
    from training.run.callbacks import training_progress
    from training.run.opened_dataset import open_data
    from training.tiny.base import init_model as make_model
    from training.tiny.base import too_hard

    data = open_data(dataset)
    if said := too_hard(data.manifest):
        typer.echo(f"{data.path}: {said}", err=True)
    with quiet_libraries(), training_progress(Console(stderr=True)) as progress:
        weights = make_model(read_pairs(data.path), out, steps=steps, seed=seed, progress=progress)
    typer.echo(f"{out}: {weights:,} weights. Tune it:")
    typer.echo(f"grader train --config training/recipes/tiny.yaml --dataset {dataset} --model {out}")
