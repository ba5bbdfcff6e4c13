"""`grader evaluate`: agreement with the TAs on held-out work."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import Engine, Orders, ParentFolder, PricePerHour, Resamples, RunFolder
from grader.terminal import show

Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Output folder. Default: RUN/evaluation.")]
Other = Annotated[Path | None, typer.Option(metavar="RUN", help="Another run: tests which of the two is better.")]
Report = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Also write one HTML page with figures and every misgraded program."),
]
Base = Annotated[bool, typer.Option(help="Also grade with the untuned base model.")]


def evaluate(
    run: RunFolder,
    parent_dir: ParentFolder = Path("labs"),
    out: Out = None,
    compare: Other = None,
    report: Report = None,
    engine: Engine = "auto",
    orders: Orders = None,
    base: Base = True,
    price_per_hour: PricePerHour = None,
    resamples: Resamples = 2000,
) -> None:
    """Compares a run with the TAs on held-out work.

    Reports agreement beyond chance, error of marks, rank correlation of totals and calibration, each with a 95 %
    interval, by lab, criterion, language and rating. For comparison: majority-class and bag-of-words baselines, the
    untuned base model, and the agreement among TAs where several rated the same work. Writes evaluation.json,
    decisions.jsonl and figures.

    Example: [bold]grader evaluate runs/latest --parent-dir labs --report report.html[/]

    Two runs on the work that both held out: [bold]grader evaluate runs/latest --compare runs/before[/]
    """
    from grader.experiments.evaluate import EvaluateOptions, evaluate_run
    from grader.tables.evaluation import evaluation_tables

    folder = out or run / "evaluation"
    options = EvaluateOptions(
        other=compare,
        engine=engine,
        orders=orders,
        base=base,
        resamples=resamples,
        report=report,
        price_per_hour=price_per_hour,
        command=shlex.join(["grader", *sys.argv[1:]]),
    )
    evaluation = evaluate_run(run, parent_dir, folder, options)
    show(evaluation, evaluation_tables(evaluation), f"Written to {folder}{f' and {report}' if report else ''}")
