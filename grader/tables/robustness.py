"""The curve of a robustness series as a terminal table."""

from rich.table import Table

from grader.experiments.robustness.curve import ROUGE, Curve
from grader.tables.figures import INTERVAL_NOTE, figure_table, one_line


def robustness_table(found: Curve) -> Table:
    """One row for each p and loss, then the baselines."""
    reasons = any(ROUGE in point.figures for point in found.points)
    columns = ["Loss", "p", "Runs", "Poisoned", "Agreement", "Change from lowest p", "Quadratic kappa"]
    table = figure_table(
        f"{found.finished} of {found.cells} runs; {found.decisions} decisions of {found.students} students",
        *columns,
        *["ROUGE-L"] * reasons,
    )
    table.caption = f"{INTERVAL_NOTE}, of the mean over seeds"
    for point in found.points:
        mean = sum(point.poisoned) / len(point.poisoned)
        counts = point.loss, f"{point.p:g}", str(len(point.seeds)), f"{mean:.0f} of {point.units}"
        figures = [one_line(point.figures["agreement"]), one_line(point.over_clean, sign=True)]
        figures += [one_line(point.figures["kappa"])]
        figures += [one_line(point.figures[ROUGE])] if reasons else []
        table.add_row(*counts, *figures)
    for name, by_p in found.baselines.items():
        for p, each in by_p.items():
            table.add_row(name, p, "", "", one_line(each))
    return table
