"""`grader calibrate`: calibrated confidences and the threshold for auto-accepting grades."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import Engine, ParentFolder, RunFolder, Seed
from grader.terminal import show
from labs_schema.errors import GraderError


def calibrate(
    run: RunFolder,
    parent_dir: ParentFolder = Path("labs"),
    max_error: Annotated[float, typer.Option(min=0.001, max=0.5, help="Highest disagreement with TAs allowed.")] = 0.05,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence level of the guarantee.")] = 0.9,
    share: Annotated[
        float,
        typer.Option(min=0.05, max=1.0, help="Fraction of the test students to calibrate on."),
    ] = 0.5,
    orders: Annotated[int, typer.Option(min=1, max=26, help="Average over N orders of the answer options.")] = 1,
    seed: Seed = 0,
    engine: Engine = "auto",
) -> None:
    """Finds the confidence above which grades can be auto-accepted.

    Uses students that the model was not trained on. With the given --confidence, auto-accepted grades disagree with
    the TAs in at most --max-error of the decisions.

    Example: [bold]grader calibrate runs/latest --parent-dir labs --max-error 0.05 --confidence 0.9[/]

    Writes RUN/calibration.json, which every other command uses. If the graded work supports no such guarantee, the
    command reports why. Confidences are still calibrated, but nothing is auto-accepted.

    Exit status: 0 with a guarantee, 1 without one or for an error, 2 for wrong options.
    """
    from grader.experiments.calibrate import CalibrateOptions, calibrate_run
    from grader.tables.calibration import calibration_table

    options = CalibrateOptions(max_error, confidence, share, orders=orders, seed=seed, engine=engine)
    found = calibrate_run(run, parent_dir, options)
    show(found, calibration_table(found))
    if found.calibration.refused:
        raise GraderError(
            f"No guarantee can be given: {found.calibration.refused}. All grades still require review; more held-out "
            "students, a better model or a larger --max-error may help: docs/guide/calibration.md",
            code="no-guarantee",
        )
