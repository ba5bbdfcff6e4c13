"""`grader calibrate`: confidences that hold, and what may be accepted without a person."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.cli.engine_option import Engine
from labs_schema.errors import GraderError


def calibrate(
    run: Annotated[Path, typer.Argument(help="A run folder that `grader train` made.")],
    parent_dir: Annotated[Path, typer.Option(help="The labs that the run's data set was built from.")] = Path("labs"),
    max_error: Annotated[float, typer.Option(min=0.001, max=0.5, help="Disagreement allowed among accepted.")] = 0.05,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="How sure of that to be.")] = 0.9,
    share: Annotated[float, typer.Option(min=0.05, max=1.0, help="Of the kept students; the rest evaluates.")] = 0.5,
    orders: Annotated[int, typer.Option(min=1, max=26, help="Orders of a criterion's options to average over.")] = 1,
    seed: Annotated[int, typer.Option(help="Decides which students.")] = 0,
    engine: Engine = "auto",
) -> None:
    """Finds, on students that the model was not trained on, how sure it must be so that what is accepted without a
    person disagrees with the TA in at most --max-error, with the stated --confidence.

    Example: [bold]grader calibrate runs/latest --parent-dir labs --max-error 0.05 --confidence 0.9[/]

    Writes RUN/calibration.json, which every command and the service then use. Where the graded work supports no such
    promise it says why and ends with status 1; confidences are calibrated all the same, and nothing is accepted.
    """
    from grader.experiments.calibrate import calibrate_run
    from grader.tables.calibration import calibration_table

    wanted = {"max_error": max_error, "confidence": confidence, "share": share}
    found = calibrate_run(run, parent_dir, **wanted, orders=orders, seed=seed, engine=engine)
    Console(soft_wrap=True, highlight=False).print(calibration_table(found))
    if found.calibration.refused:
        raise GraderError(
            f"No promise can be made: {found.calibration.refused}. Everything still goes to a person; more kept "
            "students, a better model or a larger --max-error would help: docs/guide/calibration.md"
        )
