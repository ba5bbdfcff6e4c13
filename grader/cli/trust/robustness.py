"""`grader robustness`: effect of label noise and injected prompts in the training data."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from grader.cli.options import BaseModel, Engine, Overrides, ParentFolder, Resamples, pull_missing
from grader.terminal import notes, show

Kind = Annotated[
    Literal["labels", "prompts"],
    typer.Argument(metavar="KIND", help="What to poison in the training data."),
]
Probabilities = Annotated[
    str, typer.Option(metavar="P,P,...", help="Probabilities, 0 to 1, that a label or a program is poisoned.")
]
Losses = Annotated[str, typer.Option(metavar="NAMES", help="DPO losses to compare, by their names in trl.")]
Dataset = Annotated[Path, typer.Option(metavar="FOLDER", help="Clean dataset from 'grader build-dataset'.")]
Config = Annotated[Path, typer.Option(metavar="FILE", help="Run configuration (YAML).")]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Output folder. Default: robustness/KIND.")]
Smoothing = Annotated[
    float, typer.Option(min=0.0, max=0.49, help="Fraction of wrong pairs that the losses robust and exo_pair assume.")
]
AtMost = Annotated[int | None, typer.Option(min=1, help="Train at most N runs now. Rerun to continue.")]


def robustness(
    kind: Kind,
    p: Probabilities = "0,0.1,0.33",
    loss: Losses = "sigmoid,robust",
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds per p and loss.")] = 3,
    dataset: Dataset = Path("data"),
    parent_dir: ParentFolder = Path("labs"),
    config: Config = Path("training/recipes/smollm2-135m.yaml"),
    model: BaseModel = None,
    out: Out = None,
    label_smoothing: Smoothing = 0.1,
    engine: Engine = "transformers",
    resamples: Resamples = 2000,
    at_most: AtMost = None,
    overrides: Overrides = None,
) -> None:
    """Measures the effect of poisoned training data.

    Trains models on poisoned data and plots their agreement on clean held-out submissions against the probability p.
    [bold]labels[/]: with probability p, the preferred answer of a decision is swapped with another rating.
    [bold]prompts[/]: with probability p, a program contains an injected prompt; its label stays the TA's rating.

    SFT and DPO both use the poisoned data. Writes robustness.json, robustness.png and one file per run. A finished run
    is not trained again.

    Example: [bold]grader robustness labels --p 0,0.01,0.1,0.33 --loss sigmoid,robust --seeds 3[/]
    """
    from grader.experiments.robustness.grid import grid
    from grader.experiments.robustness.series import SeriesOptions, run_series
    from grader.tables.robustness import robustness_table
    from training.config import load_config

    settings = load_config(config, {"model": model}, overrides or ())
    pull_missing(settings.model)
    found = run_series(
        grid(kind, p, loss, seeds),
        dataset,
        parent_dir,
        settings,
        out or Path("robustness") / kind,
        SeriesOptions(label_smoothing, engine, resamples, at_most),
        notes(),
    )
    show(found, robustness_table(found))
