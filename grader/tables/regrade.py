"""A regraded lab as a terminal table: counts and agreement with the TAs by criterion."""

from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from labs_schema.frozen import Frozen
from serving.measures.comparison import Comparison, CriterionComparison


class Regraded(Frozen):
    """Numbers of students: `already_graded` by an earlier command, `graded` by this one, `parked` after failures.

    Those without a readable program are counted in the `comparison`.
    """

    already_graded: int
    graded: int
    parked: int
    comparison: Comparison


def regraded_table(regraded: Regraded, out: Path, trained: int | None) -> RenderableType:
    """One row per criterion, the totals, and where the results are; TA columns only if a TA rated the lab.

    `trained`: number of students in the model's training data, whose agreement is biased upwards; None if unknown.
    """
    found = regraded.comparison
    table = Table(title=escape(found.lab), box=box.SIMPLE, show_footer=True, pad_edge=False)
    table.add_column("Criterion", footer="All", overflow="fold", min_width=24)
    table.add_column("Ungraded", justify="right", footer=f"{sum(c.ungraded for c in found.criteria):,}")
    table.add_column("Needs review", justify="right", footer=f"{sum(c.needs_review for c in found.criteria):,}")
    if found.rated_by_both:
        table.add_column("Rated by both", justify="right", footer=f"{found.rated_by_both:,}")
        table.add_column("Agreement", justify="right", footer=_share(found.agreed, found.rated_by_both))
        table.add_column("Top disagreement (TA, grader)", overflow="fold")
    for each in found.criteria:
        agreed = _share(each.agreed, each.rated_by_both)
        compared = f"{each.rated_by_both:,}", agreed, escape(_top_disagreement(each))
        counts = f"{each.ungraded:,}", f"{each.needs_review:,}"
        table.add_row(escape(each.criterion), *counts, *compared * (found.rated_by_both > 0))
    known = f"[yellow]The model was trained on {trained} of these students, so this agreement is biased upwards.[/]"
    unknown = "[yellow]Unknown whether the model was trained on these students (docs/guide/privacy.md).[/]"
    flattered = [] if not found.rated_by_both else [unknown] if trained is None else [known] * (trained > 0)
    return Group(table, *flattered, *_notes(regraded, found, out))


def _notes(regraded: Regraded, found: Comparison, out: Path) -> list[str]:
    earlier = f", {regraded.already_graded:,} already graded by an earlier run" if regraded.already_graded else ""
    finished = ["All submissions were already graded; use [bold]--again[/] to grade them again."]
    parked = [f"[yellow]{regraded.parked:,} submissions failed; each has a reason. Rerun the command to retry them.[/]"]
    graded = f"{regraded.graded:,} submissions graded{earlier}."
    kinds = ", ".join(f"{code} {count:,}" for code, count in found.unreadable.items())
    unreadable = [
        f"[bold yellow]{sum(found.unreadable.values()):,} of {found.students:,} students are ungraded: no readable "
        f"program ({kinds}).[/] They come first in marks.csv, with the reason."
    ]
    unobserved = [
        f"[bold yellow]{found.unobserved:,} of {found.students:,} students were graded without the outcomes of the "
        "lab's checks and need review (not-observed).[/] Run [bold]grader observe[/] on the lab, then this command."
    ]
    compared = (
        f"{graded} {len(found.differences):,} disagreements with the TAs are listed in "
        f"[bold]{escape(str(out / 'summary.json'))}[/], the most confident first. Marks are in marks.csv, grades in "
        "grades.jsonl and rubric_ratings.csv."
    )
    alone = (
        f"{graded} No TA rated them, so there is no comparison. Marks are in "
        f"[bold]{escape(str(out / 'marks.csv'))}[/], ratings in rubric_ratings.csv, probabilities and review "
        "reasons in grades.jsonl."
    )
    return [
        *finished * (not regraded.graded and regraded.already_graded > 0),
        *parked * (regraded.parked > 0),
        *unreadable * bool(found.unreadable),
        *unobserved * (found.unobserved > 0),
        compared if found.rated_by_both else alone,
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _top_disagreement(found: CriterionComparison) -> str:
    pairs = [(n, ta, grader) for ta, row in found.confusion.items() for grader, n in row.items() if ta != grader and n]
    if not pairs:
        return "-"
    count, ta, grader = max(pairs, key=lambda pair: pair[0])
    return f"{ta}, {grader}: {count:,}"
