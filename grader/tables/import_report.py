"""The report of `grader import`: counts, students that need attention, and issues grouped by code."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.markup import escape

from grader.tables.figures import names_table
from grader.tables.lab_check import grouped
from labs_schema.errors import Issue
from labs_schema.imports.records import ImportReport


def as_table(report: ImportReport, issues: Sequence[Issue], out: Path | None) -> RenderableType:
    """`out` is the lab's folder; the report states whether it was written."""
    if report.written is None or out is None:
        verdict = "Dry run: nothing was written."
    else:
        verdict = f"[green]{report.written:,} of {report.students:,} students are in {escape(str(out))}.[/] "
        verdict += f"Next: grader check {escape(str(out))}"
    return Group(names_table(report.platform, "Students", _rows(report)), *grouped(issues), verdict)


def _rows(report: ImportReport) -> list[tuple[str, int, tuple[str, ...]]]:
    return [
        ("students in the export", report.students, ()),
        ("submissions", report.submissions, ()),
        ("groups", report.groups, ()),
        ("files", report.files, ()),
        ("late", len(report.late), report.late),
        ("older attempts left out", report.older_attempts, ()),
        ("matched with the roster", report.matched, ()),
        ("unmatched", len(report.unmatched), report.unmatched),
        ("ambiguous", len(report.ambiguous), report.ambiguous),
        ("on the roster, without submission", len(report.absent), report.absent),
        ("criteria", report.criteria, ()),
        ("students with ratings", report.rated_students, ()),
        ("ratings", report.ratings, ()),
        ("ratings not imported", report.ratings_unused, ()),
    ]
