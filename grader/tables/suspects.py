"""Suspicious labels and TAs as terminal tables."""

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from grader.labels.find_suspects import Suspects
from grader.labels.ta_summaries import ALARM, TaSummary

TA_COLUMNS = (
    "TA",
    "Labels",
    "As expected",
    "Others as expected",
    "Same as other TAs",
    "Mark shift",
    "p (unlikely)",
    "p (same rating)",
    "p (marks)",
)


def suspect_tables(found: Suspects, top: int) -> Iterator[RenderableType]:
    """`top`: number of suspicious labels shown."""
    if found.tas:
        yield _tas(found)
    share = len(found.suspects) / found.labels if found.labels else 0.0
    shown = min(top, len(found.suspects))
    yield (
        f"{len(found.suspects)} of {found.labels} labels ({share:.1%}) should be checked; the {shown} most suspicious:"
    )
    table = Table("Lab", "Student", "Criterion", "Given", "Expected", box=SIMPLE_HEAD)
    rated = any(each.others for each in found.suspects[:top])
    if rated:
        table.add_column("Other TAs")
    for each in found.suspects[:top]:
        votes = [*each.others.values()]
        others = ", ".join(f"{votes.count(rating)} x {rating}" for rating in dict.fromkeys(votes))
        given = f"{each.rating} ({each.probability_given:.2f})", f"{each.expected} ({each.probability:.2f})"
        table.add_row(*map(escape, (each.lab, each.student, each.criterion, *given, *[others] * rated)))
    yield table


def _tas(found: Suspects) -> Table:
    caption = f"p: permutation tests, corrected by Holm for all TAs and tests; alarms below {ALARM}"
    table = Table(box=SIMPLE_HEAD, caption=caption)
    for name in TA_COLUMNS:
        table.add_column(name, justify="left" if name == "TA" else "right")
    table.add_column("Alarms")
    for ta in found.tas:
        table.add_row(*_row(ta), "[red]" + escape("; ".join(ta.alarms)) + "[/]")
    return table


def _row(ta: TaSummary) -> list[str]:
    together = "-" if ta.with_others is None else f"{ta.with_others:.2f} of {ta.common}"
    others = "-" if ta.others_agreement is None else f"{ta.others_agreement:.2f}"
    shift = "-" if ta.shift is None else f"{ta.shift:+.2f}"
    p_values = (f"{p:.3f}" for p in (ta.p_unlikely, ta.p_monotone, ta.p_marks))
    return [escape(ta.rater), str(ta.decisions), f"{ta.agreement:.2f}", others, together, shift, *p_values]
