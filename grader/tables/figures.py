"""Formatting of figures with intervals in terminal tables."""

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from serving.measures.resampling import Estimate

INTERVAL_NOTE = r"\[..]: 95 % bootstrap interval over students"


def figure_table(title: str, *headings: str) -> Table:
    """An empty table; the first column is left-aligned and its heading may be empty."""
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if number else "left", overflow="fold")
    return table


def one_line(estimate: Estimate, *, sign: bool = False) -> Text:
    """`.812 [.774, .850]`, `.812` without an interval, or `-` where the figure is undefined."""
    form = "{:+.3f}" if sign else "{:.3f}"
    found = (each for each in (estimate.value, estimate.low, estimate.high) if each is not None)
    value, *interval = [form.format(each).replace("0.", ".", 1) for each in found] or ["-"]
    return Text(f"{value} [{', '.join(interval)}]" if interval else value)


def two_lines(estimate: Estimate, *, sign: bool = False) -> Text:
    return Text(one_line(estimate, sign=sign).plain.replace(" [", "\n["))
