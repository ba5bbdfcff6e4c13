"""Parts of terminal tables: counts, names, and figures with intervals."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from grader.terminal import printable
from serving.measures.resampling import Estimate

LISTED = 5
"""Names in a row."""
INTERVAL_NOTE = r"\[..]: 95 % bootstrap interval over students"


def figure_table(title: str, *headings: str) -> Table:
    """An empty table; the first column is left-aligned and its heading may be empty."""
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if number else "left", overflow="fold")
    return table


def counts_table(counts: Iterable[tuple[str, int]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_header=False)
    for name, count in counts:
        table.add_row(name, f"{count:,}")
    return table


def names_table(title: str, heading: str, rows: Iterable[tuple[str, int, Sequence[str]]]) -> Table:
    """A count, and the first of the names that are counted, in each row."""
    table = Table(title, Column("Count", justify="right"), Column(heading, overflow="fold"), box=SIMPLE_HEAD)
    for label, count, names in rows:
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        table.add_row(label, f"{count:,}", escape(", ".join(map(printable, names[:LISTED]))) + more)
    return table


def one_line(estimate: Estimate, *, sign: bool = False) -> Text:
    """`.812 [.774, .850]`, `.812` without an interval, or `-` where the figure is undefined."""
    form = "{:+.3f}" if sign else "{:.3f}"
    found = (each for each in (estimate.value, estimate.low, estimate.high) if each is not None)
    value, *interval = [form.format(each).replace("0.", ".", 1) for each in found] or ["-"]
    return Text(f"{value} [{', '.join(interval)}]" if interval else value)


def two_lines(estimate: Estimate, *, sign: bool = False) -> Text:
    return Text(one_line(estimate, sign=sign).plain.replace(" [", "\n["))
