"""The result of a calibration as a terminal table."""

from rich.console import Group, RenderableType

from grader.experiments.calibrate import CalibrationRun
from grader.tables.figures import figure_table
from serving.measures.reliability import Reliability


def calibration_table(found: CalibrationRun) -> RenderableType:
    """Calibration error before and after, what is auto-accepted with which guarantee, and the files written."""
    calibration = found.calibration
    title = f"{calibration.decisions:,} decisions of {calibration.students} students in {len(calibration.labs)} labs"
    table = figure_table(title, "Figure", "Uncalibrated", "Calibrated (cross-fitted by student)")
    for label, name in (("Expected calibration error", "ece"), ("Brier score", "brier")):
        table.add_row(label, *(_figure(each, name) for each in (found.before, found.after)))
    temperature = f"Overall temperature {calibration.temperature:.2f}; each criterion has its own."
    written = "Written to " + " and ".join(map(str, found.written))
    return Group(table, temperature, *_guarantee(found), written)


def _guarantee(found: CalibrationRun) -> list[str]:
    guarantee = found.calibration.guarantee
    if guarantee is None:
        return []
    return [
        f"{guarantee.accepted:.1%} of the decisions are auto-accepted: confidence of at least "
        f"{guarantee.threshold:.3f} and no other reason for review.",
        f"{guarantee.disagreed:.1%} of these disagree with the TA. For new students it is at most "
        f"{guarantee.bound:.1%} with {guarantee.confidence:.0%} confidence (requested: {guarantee.max_error:.1%}).",
    ]


def _figure(reliability: Reliability | None, name: str) -> str:
    return "-" if reliability is None else f"{getattr(reliability, name):.3f}"
