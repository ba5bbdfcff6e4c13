"""A regraded lab at the terminal: how far the grader and the TAs agree, by criterion. Names no student."""

from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from labs_schema.frozen import Frozen
from serving.measures.comparison import Comparison, CriterionComparison


class Regraded(Frozen):
    """`kept` submissions were graded before the command was typed, `graded` since; on `parked` it gave up."""

    kept: int
    graded: int
    parked: int
    comparison: Comparison


def regraded_table(regraded: Regraded, out: Path, trained: int | None) -> RenderableType:
    """A row a criterion, the totals, what was kept, and where the rest is. No TA is named where none rated.

    `trained`: on how many of the students the model was trained; agreement with their TAs flatters it. None: unknown.
    """
    found = regraded.comparison
    table = Table(title=escape(found.lab), box=box.SIMPLE, show_footer=True, pad_edge=False)
    table.add_column("criterion", footer="all", overflow="fold", min_width=24)
    table.add_column("ungraded", justify="right", footer=f"{sum(c.ungraded for c in found.criteria):,}")
    table.add_column("review", justify="right", footer=f"{sum(c.needs_review for c in found.criteria):,}")
    if found.rated_by_both:
        table.add_column("by both", justify="right", footer=f"{found.rated_by_both:,}")
        table.add_column("agreed", justify="right", footer=_share(found.agreed, found.rated_by_both))
        table.add_column("TA, grader", overflow="fold")
    for each in found.criteria:
        agreed = _share(each.agreed, each.rated_by_both)
        compared = f"{each.rated_by_both:,}", agreed, escape(_commonest_difference(each))
        counts = f"{each.ungraded:,}", f"{each.needs_review:,}"
        table.add_row(escape(each.criterion), *counts, *compared * (found.rated_by_both > 0))
    known = f"[yellow]The model was trained on {trained} of these students, so this agreement flatters it.[/]"
    unknown = "[yellow]Whether the model was trained on these students is not known here (docs/guide/privacy.md).[/]"
    flattered = [] if not found.rated_by_both else [unknown] if trained is None else [known] * (trained > 0)
    return Group(table, *flattered, *_notes(regraded, found, out))


def _notes(regraded: Regraded, found: Comparison, out: Path) -> list[str]:
    kept = f", {regraded.kept:,} kept from an earlier run" if regraded.kept else ""
    finished = ["Nothing was left to grade; [bold]--again[/] would grade all of it once more."]
    parked = [f"[yellow]{regraded.parked:,} were given up, each with its reason; the same command tries them again.[/]"]
    graded = f"{regraded.graded:,} submissions graded{kept}."
    compared = [
        f"{graded} {len(found.differences):,} differences from the TAs are listed",
        f"in [bold]{escape(str(out / 'summary.json'))}[/], the most confident first; beside it marks.csv",
        "has everybody's marks, grades.jsonl and rubric_ratings.csv every grade.",
    ]
    alone = [
        f"{graded} No TA rated them, so nothing is compared. The marks are in",
        f"[bold]{escape(str(out / 'marks.csv'))}[/]; beside it rubric_ratings.csv has the ratings, grades.jsonl",
        "the probabilities and, of each that needs a review, why.",
    ]
    return [
        *finished * (not regraded.graded and regraded.kept > 0),
        *parked * (regraded.parked > 0),
        *(compared if found.rated_by_both else alone),
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _commonest_difference(found: CriterionComparison) -> str:
    pairs = [(n, ta, grader) for ta, row in found.confusion.items() for grader, n in row.items() if ta != grader and n]
    if not pairs:
        return "-"
    count, ta, grader = max(pairs, key=lambda pair: pair[0])
    return f"{ta}, {grader}: {count:,}"
