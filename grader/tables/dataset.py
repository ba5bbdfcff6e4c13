"""What `build-dataset` did, as a table. Knows how to show a report, not how one comes about."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from training.dataset.report import LabReport
from training.dataset.rows import DatasetManifest

COLUMNS = {
    "submissions": "total",
    "train": "train",
    "test": "test",
    "set_aside": "aside",
    "rows": "rows",
    "unrated": "unrated",
}


def dataset_table(reports: Sequence[LabReport], manifest: DatasetManifest, folder: Path) -> RenderableType:
    """A row a lab, the totals, what was set aside and why, the warnings by kind, and the files written."""
    labels = [report.lab + " (eval)" * (report.lab in manifest.eval_labs) for report in reports]
    table = Table(show_footer=True, box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("lab", footer="all", overflow="fold", min_width=max(map(len, labels)))
    for field, title in COLUMNS.items():
        total = sum(getattr(report, field) for report in reports)
        table.add_column(title, justify="right", footer=f"{total:,}")
    for label, report in zip(labels, reports, strict=True):
        table.add_row(escape(label), *(f"{getattr(report, field):,}" for field in COLUMNS))
    return Group(table, *_notes(reports, manifest, folder))


def _notes(reports: Sequence[LabReport], manifest: DatasetManifest, folder: Path) -> list[str]:
    aside = sum(report.set_aside for report in reports)
    notes = [f"Set aside: {aside:,} submissions of students trained on, as near-copies of test submissions."] * (
        aside > 0
    )
    if manifest.attacks:
        copies = sum(manifest.attacks.copies.values())
        notes.append(f"Attacked: {copies:,} submissions trained on also appear with a plea in their program.")
    warnings = sum((Counter(report.warnings) for report in reports), Counter[str]())
    if warnings:
        listed = ", ".join(f"{code} {count:,}" for code, count in sorted(warnings.items()))
        notes.append(f"Warnings (grader check lists them): {listed}.")
    if not any(output.rows for output in manifest.outputs.values()):
        notes.append("[yellow]No submission has a rating: there is nothing to learn from. grader regrade grades it.[/]")
    written = (f"{folder / name} ({output.rows:,} rows)" for name, output in manifest.outputs.items())
    return [*notes, escape(f"Written: {', '.join(written)}.")]


def unchanged(manifest: DatasetManifest, with_labs: bool) -> str:
    labs = f", and the {len(manifest.inputs)} labs" if with_labs else ""
    return escape(f"Unchanged: {', '.join(manifest.outputs)}{labs}.")
