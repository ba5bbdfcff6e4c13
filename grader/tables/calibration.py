"""What a calibration found, for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table

from grader.experiments.calibrate import CalibrationRun
from serving.measures.reliability import Reliability


def calibration_table(found: CalibrationRun) -> RenderableType:
    """How well confidences hold before and after, and what is accepted with which promise."""
    calibration = found.calibration
    title = f"{calibration.decisions:,} decisions of {calibration.students} students in {len(calibration.labs)} labs"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for heading in ("", "as the model says", "calibrated (cross-fitted by student)"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("expected calibration error", *(_figure(each, "ece") for each in (found.before, found.after)))
    table.add_row("Brier score", *(_figure(each, "brier") for each in (found.before, found.after)))
    temperature = f"Temperature {calibration.temperature:.2f}, and one a criterion."
    written = "Written to " + " and ".join(map(str, found.written))
    return Group(table, temperature, *_promise(found), written)


def _promise(found: CalibrationRun) -> list[str]:
    promise = found.calibration.guarantee
    if promise is None:
        return []
    return [
        f"{promise.accepted:.1%} of the decisions are accepted without a person: confidence of at least "
        f"{promise.threshold:.3f} and no other reason.",
        f"They disagree with the TA in {promise.disagreed:.1%} here; with {promise.confidence:.0%} confidence in at "
        f"most {promise.bound:.1%} of students to come (asked for {promise.max_error:.1%}).",
    ]


def _figure(reliability: Reliability | None, name: str) -> str:
    return "-" if reliability is None else f"{getattr(reliability, name):.3f}"
