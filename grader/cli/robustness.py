"""`grader robustness`: how much wrong labels, or students who write to the grader, hurt what is learned."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from serving.engines.engine_choice import EngineName


def robustness(
    kind: Annotated[Literal["labels", "prompts"], typer.Argument(help="What of the training data is poisoned.")],
    p: Annotated[
        str, typer.Option(help="Probabilities, 0 to 1, that a label or a program is poisoned.")
    ] = "0,0.1,0.33",
    loss: Annotated[str, typer.Option(help="Losses of DPO to compare: trl's names.")] = "sigmoid,robust",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each p and loss: of seeds 0, 1, ...")] = 3,
    dataset: Annotated[Path, typer.Option(help="A folder of build-dataset, not poisoned.")] = Path("data"),
    parent_dir: Annotated[Path, typer.Option(help="The labs it was built from.")] = Path("labs"),
    config: Annotated[Path, typer.Option(help="The YAML of every run.")] = Path("training/recipes/tiny.yaml"),
    model: Annotated[str | None, typer.Option(help="Preset, folder or hub id of the base model.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the series goes; robustness/KIND by default.")] = None,
    label_smoothing: Annotated[
        float, typer.Option(min=0.0, max=0.49, help="The share of wrong pairs that robust and exo_pair assume.")
    ] = 0.1,
    engine: Annotated[EngineName, typer.Option(help="What grades the kept work.")] = "transformers",
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the intervals.")] = 2000,
    at_most: Annotated[
        int | None, typer.Option(min=1, help="Train at most so many runs now; call again to go on.")
    ] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Any field: --set dpo.beta=0.2.")] = None,
) -> None:
    """Trains models on poisoned data and measures them on clean kept work, as a curve over p with intervals.

    [bold]labels[/]: with probability p the preferred answer of a decision changes places with another rating.
    [bold]prompts[/]: with probability p a program pleads for marks, and keeps the TA's rating.
    SFT and DPO both see the poisoned data. Writes robustness.json, robustness.png and a file a run; a run that is
    finished is not trained again.

    Example: [bold]grader robustness labels --p 0,0.01,0.1,0.33 --loss sigmoid,robust --seeds 3[/]
    """
    from rich.console import Console

    from grader.experiments.robustness import run_series
    from grader.experiments.robustness_cells import grid
    from grader.experiments.robustness_figure import table
    from training.config import load_config

    found = run_series(
        grid(kind, p, loss, seeds),
        dataset,
        parent_dir,
        load_config(config, {"model": model}, overrides or ()),
        out or Path("robustness") / kind,
        label_smoothing=label_smoothing,
        engine=engine,
        resamples=resamples,
        at_most=at_most,
        console=Console(stderr=True),
    )
    Console().print(table(found))
