"""`grader evaluate`: how far a tuned model and the TAs agree on work that it was not trained on."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from serving.engines.engine_choice import EngineName

Run = Annotated[Path, typer.Argument(help="A run folder that `grader train` made.")]
Parent = Annotated[Path, typer.Option(help="The folder of labs that the run's data set was built from.")]
Out = Annotated[Path | None, typer.Option(help="Where the results go; RUN/evaluation by default.")]
Engine = Annotated[EngineName, typer.Option(help="auto takes vllm where it is installed, else transformers.")]
Base = Annotated[bool, typer.Option(help="Also grade with the untuned base model, to see what tuning changed.")]
Resamples = Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the intervals.")]


def evaluate(
    run: Run,
    parent_dir: Parent = Path("labs"),
    out: Out = None,
    engine: Engine = "auto",
    base: Base = True,
    resamples: Resamples = 2000,
) -> None:
    """Grades the work that the data set kept for evaluation and compares with the TAs: exact agreement, macro-F1,
    quadratic kappa and error of marks, each with a 95 % interval over students, beside the commonest rating and the
    untuned base. Writes evaluation.json, decisions.jsonl and a picture of the confusion matrices a group.

    Example: [bold]grader evaluate runs/tiny-20261121-101500 --parent-dir labs[/]
    """
    from grader.experiments.evaluate import evaluate_run
    from grader.experiments.evaluation import tables

    folder = out or run / "evaluation"
    evaluation = evaluate_run(run, parent_dir, folder, engine=engine, base=base, resamples=resamples)
    console = Console()
    console.print(tables(evaluation))
    console.print(f"Written to {folder}", highlight=False, soft_wrap=True)
