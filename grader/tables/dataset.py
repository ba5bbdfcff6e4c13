"""The result of `grader build-dataset` as a terminal table."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from training.dataset.collected_labs import LabReport
from training.dataset.manifest import DatasetManifest

COLUMNS = {
    "submissions": "Submissions",
    "train": "Train",
    "dev": "Dev",
    "test": "Test",
    "set_aside": "Near-copies",
    "rows": "Rows",
    "unrated": "Unrated",
}


def dataset_table(reports: Sequence[LabReport], manifest: DatasetManifest, folder: Path) -> RenderableType:
    """One row per lab, the totals, the submissions left out and why, the warnings by code, and the files written."""
    labels = [report.lab + " (held out)" * (report.lab in manifest.eval_labs) for report in reports]
    table = Table(show_footer=True, box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Lab", footer="All", overflow="fold", min_width=max(map(len, labels)))
    for field, title in COLUMNS.items():
        total = sum(getattr(report, field) for report in reports)
        table.add_column(title, justify="right", footer=f"{total:,}")
    for label, report in zip(labels, reports, strict=True):
        table.add_row(escape(label), *(f"{getattr(report, field):,}" for field in COLUMNS))
    return Group(table, *_notes(reports, manifest, folder))


def _notes(reports: Sequence[LabReport], manifest: DatasetManifest, folder: Path) -> list[str]:
    aside = sum(report.set_aside for report in reports)
    notes = [f"Left out: {aside:,} training submissions that are near-copies of test submissions."] * (aside > 0)
    if manifest.attacks:
        copies = sum(manifest.attacks.copies.values())
        notes.append(f"Attacks: {copies:,} training submissions were also added with an injected prompt.")
    if manifest.teachers:
        soft, unused = (sum(getattr(report, name) for report in reports) for name in ("soft", "left_out"))
        notes.append(
            f"Soft labels: {soft:,} unrated submissions. Left out: {unused:,} of held-out labs or students, or "
            "near-copies of their programs."
        )
    warnings = sum((Counter(report.warnings) for report in reports), Counter[str]())
    if warnings:
        listed = ", ".join(f"{code} {count:,}" for code, count in sorted(warnings.items()))
        notes.append(f"Warnings (grader check lists them): {listed}.")
    if not any(output.rows for output in manifest.outputs.values()):
        notes.append(
            "[yellow]No submission has a rating, so there is nothing to train on. `grader regrade` can grade them.[/]"
        )
    written = (f"{folder / name} ({output.rows:,} rows)" for name, output in manifest.outputs.items())
    return [*notes, escape(f"Written: {', '.join(written)}.")]


def unchanged(manifest: DatasetManifest, with_labs: bool) -> str:
    labs = f", and the {len(manifest.inputs)} labs" if with_labs else ""
    return escape(f"Unchanged: {', '.join(manifest.outputs)}{labs}.")
