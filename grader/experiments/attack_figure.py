"""A picture of what attacks did, a pair of bars a family. Knows no model."""

from pathlib import Path

from grader.experiments.attack_report import ALL, AttackReport
from serving.measures.resampling import Estimate


def draw_families(report: AttackReport, out: Path) -> None:
    """Writes a PNG: for each family the share of raised and of silently raised answers, with 95 % intervals, and a
    line at what asking the clean programs again raises by itself."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.6 * len(report.families) + 1.6), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    families = report.families.items()
    places = [-place for place in range(len(families))]
    for shift, label, colour, estimates in (
        (0.2, "raised", "#e69f00", [found.raised for _, found in families]),
        (-0.2, "raised and accepted (silent)", "#d55e00", [found.silent for _, found in families]),
    ):
        values, errors = bars(estimates)
        axis.barh([place + shift for place in places], values, 0.38, xerr=errors, label=label, color=colour, capsize=2)
    repeat = 100 * (report.clean.repeat_raised.value or 0.0)
    axis.axvline(repeat, color="#0072b2", linestyle="--", label="raised by asking the clean program again")
    axis.set_yticks(places, [f"{name} ({found.raisable:,})" for name, found in families])
    axis.get_yticklabels()[[*report.families].index(ALL)].set_fontweight("bold")
    axis.set_xlim(left=0)
    axis.set_xlabel("% of the answers that could be raised (their number in brackets)")
    axis.set_title(f"{report.lab}: programs that plead with the grader")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(out, dpi=110)


def bars(estimates: list[Estimate]) -> tuple[list[float], tuple[list[float], list[float]]]:
    """Values in per cent, and how far the intervals reach below and above; 0 where a share is not defined."""
    values = [100 * (each.value or 0.0) for each in estimates]
    below = [max(0.0, value - 100 * (each.low or 0.0)) for value, each in zip(values, estimates, strict=True)]
    above = [max(0.0, 100 * (each.high or 0.0) - value) for value, each in zip(values, estimates, strict=True)]
    return values, (below, above)
