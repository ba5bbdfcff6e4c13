"""`grader evaluate`: how far a tuned model and the TAs agree on work that it was not trained on."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from serving.engines.engine_choice import EngineName

Run = Annotated[Path, typer.Argument(help="A run folder that `grader train` made.")]
Parent = Annotated[Path, typer.Option(help="The folder of labs that the run's data set was built from.")]
Out = Annotated[Path | None, typer.Option(help="Where the results go; RUN/evaluation by default.")]
Other = Annotated[Path | None, typer.Option("--compare", help="Another run, to test which of the two is better.")]
Report = Annotated[Path | None, typer.Option(help="Also write one HTML file with figures and every differing grade.")]
Engine = Annotated[EngineName, typer.Option(help="auto takes vllm where it is installed, else transformers.")]
Orders = Annotated[int | None, typer.Option(min=1, help="Ask in N orders of the options; the model's own by default.")]
Base = Annotated[bool, typer.Option(help="Also grade with the untuned base model, to see what tuning changed.")]
Price = Annotated[float | None, typer.Option(min=0, help="Price of an hour of this machine, to tell the cost.")]
Resamples = Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the intervals.")]


def evaluate(
    run: Run,
    parent_dir: Parent = Path("labs"),
    out: Out = None,
    compare: Other = None,
    report: Report = None,
    engine: Engine = "auto",
    orders: Orders = None,
    base: Base = True,
    price_per_hour: Price = None,
    resamples: Resamples = 2000,
) -> None:
    """Grades the work that the data set kept for evaluation and compares with the TAs: agreement beyond chance, error
    of marks, order of totals, by lab, criterion, language and rating, each with a 95 % interval; whether confidences
    mean what they say; beside the commonest rating, counted words (TF-IDF) and the untuned base; and how far TAs agree
    among themselves where several rated the same work. Writes evaluation.json, decisions.jsonl and pictures.

    Example: [bold]grader evaluate runs/tiny-20261121-101500 --parent-dir labs --report report.html[/]

    Two runs on the work that both kept: [bold]grader evaluate runs/latest --compare runs/tiny-20261121-101500[/]
    """
    from grader.experiments.evaluate import evaluate_run
    from grader.tables.evaluation import tables

    folder = out or run / "evaluation"
    evaluation = evaluate_run(
        run,
        parent_dir,
        folder,
        other=compare,
        engine=engine,
        orders=orders,
        base=base,
        resamples=resamples,
        report=report,
        price_per_hour=price_per_hour,
        command=shlex.join(["grader", *sys.argv[1:]]),
    )
    console = Console()
    console.print(tables(evaluation))
    console.print(f"Written to {folder}{f' and {report}' if report else ''}", highlight=False, soft_wrap=True)
