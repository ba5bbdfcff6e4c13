"""The tables of `grader observe`, how often each check had each outcome, and of `grader import-observations`."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from grader.tables.figures import names_table
from grader.tables.lab_check import grouped
from grader.terminal import printable
from labs_schema.errors import Issue
from labs_schema.imports.observations.importer import ObservationsImport
from labs_schema.observations import Outcome, SubmissionObservations

Counts = Mapping[str, Mapping[str, int]]
"""Check -> outcome -> number of submissions."""


def outcome_counts(names: Collection[str], observations: Collection[SubmissionObservations]) -> Counts:
    """The checks in the order of `names`."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for observed in observations:
        for result in observed.results:
            counts.setdefault(result.check, Counter())[result.outcome.value] += 1
    return counts


def import_table(report: ObservationsImport, issues: Sequence[Issue]) -> RenderableType:
    """Counts, the students and files that need attention, and the issues."""
    rows = (
        ("submissions with results", report.observed, ()),
        ("different checks", report.checks, ()),
        ("submissions without results", len(report.without), report.without),
        ("results of no student of the lab", len(report.unmatched), report.unmatched),
    )
    return Group(names_table(report.platform, "Names", rows), *grouped(issues))


def outcomes_table(counts: Counts) -> Table:
    """A row for each check; a column for each outcome that occurs."""
    shown = [each.value for each in Outcome if any(each.value in outcomes for outcomes in counts.values())]
    table = Table(box=SIMPLE_HEAD)
    table.add_column("Check", overflow="fold")
    for outcome in shown:
        table.add_column(outcome.replace("_", " ").capitalize(), justify="right")
    for name, outcomes in counts.items():
        table.add_row(escape(printable(name)), *(str(outcomes.get(outcome, "")) for outcome in shown))
    return table
