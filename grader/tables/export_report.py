"""The report of `grader export`: counts and the changed grades."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from grader.tables.figures import counts_table
from serving.exports.scores import ExportReport

SHOWN = 20
REFUSED = "Not written, because the platform's gradebook has locked the grade or its maximum is lower:"
NO_FEEDBACK = (
    "[yellow]No feedback was written:[/] the file has no column with a known heading for it. "
    "Name the heading with --feedback-column if there is one."
)


def as_table(report: ExportReport, out: Path | None) -> RenderableType:
    """`out` is the file written, None for a dry run."""
    counts = (
        ("students in the results", report.students),
        ("accepted grades", report.graded),
        ("grades that need review", report.needs_review),
        ("ungraded", report.ungraded),
        ("grades written", report.written),
        ("grades that the platform would refuse", len(report.refused)),
        ("students not in the platform's file", len(report.not_in_file)),
        ("rows of that file without a result", report.not_in_results),
    )
    changes = Table("Student", "Before", "After", box=SIMPLE_HEAD)
    for change in report.changes[:SHOWN]:
        changes.add_row(escape(change.student), escape(change.before), escape(change.after))
    more = len(report.changes) - SHOWN
    missing = ", ".join(report.not_in_file[:SHOWN])
    return Group(
        counts_table(counts),
        *([changes] if report.changes else []),
        *([f"and {more:,} more (--json lists them)"] if more > 0 else []),
        *([f"[yellow]Not in the platform's file:[/] {escape(missing)}"] if missing else []),
        *([f"[yellow]{REFUSED}[/] {escape(', '.join(report.refused[:SHOWN]))}"] if report.refused else []),
        *([NO_FEEDBACK] if report.no_feedback_column else []),
        "Dry run: nothing was written." if out is None else f"[green]Written to {escape(str(out))}.[/]",
    )
