"""Regrades a lab from the command line: its folder and a model in, a folder of grades and a table out."""

import time
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from grader.cost import FILE
from grader.regrade_cost import cost_table, measured_cost
from grader.step_bars import step_bars
from labs_schema.hashes import submission_key
from labs_schema.models import Lab
from labs_schema.validate import load_lab
from serving.engines.engine_choice import EngineName
from serving.engines.metered_engine import MeteredEngine
from serving.measures.comparison import Comparison, CriterionComparison
from serving.regrade import Regraded, regrade
from serving.served_model import load_grader
from training.run_folder import RunFolder, write_whole


def regrade_lab(
    folder: Path,
    model: str,
    out: Path,
    *,
    engine: EngineName = "auto",
    orders: int | None = None,
    price_per_hour: float | None = None,
) -> RenderableType:
    """Regrades and returns what to show. What it cost is written to `out` too, for the next estimate.

    Raises FaultsError for a lab, ModelError for a model and GraderError for an `out` that cannot be used.
    """
    lab = load_lab(folder)
    begun = time.monotonic()
    grader = load_grader(model, engine=engine, orders=orders)
    grader.engine = meter = MeteredEngine(grader.engine)
    loaded = time.monotonic()
    try:
        with step_bars() as show:
            done = regrade(grader, lab, out, progress=lambda done: show("grading", done, len(lab.submissions)))
    finally:
        grader.close()
    shown = [regraded_table(done, out, trained_on(model, lab))]
    if done.graded:
        seconds = time.monotonic() - loaded
        cost = measured_cost(meter, done.graded, loaded - begun, seconds, price_per_hour=price_per_hour)
        write_whole(out / FILE, cost.model_dump_json(indent=1) + "\n")
        shown.append(cost_table(cost, "Cost"))
    return Group(*shown)


def trained_on(model: str, lab: Lab) -> int:
    """How many of the lab's students the run `model` was trained on; 0 where `model` is no run folder."""
    if not (run := RunFolder(Path(model))).dataset.is_file():
        return 0
    split = run.read_dataset_manifest().labs.get(lab.name)
    return len({submission_key(lab.name, s.student) for s in lab.submissions} & set(split.train if split else ()))


def regraded_table(regraded: Regraded, out: Path, trained: int) -> RenderableType:
    """A row a criterion, the totals, what was resumed, and where the rest is. Names no student.

    `trained`: on how many of the students the model was trained; agreement with their TAs flatters it.
    """
    found = regraded.comparison
    table = Table(title=escape(found.lab), box=box.SIMPLE, show_footer=True, pad_edge=False)
    table.add_column("criterion", footer="all", overflow="fold", min_width=24)
    table.add_column("by both", justify="right", footer=f"{found.rated_by_both:,}")
    table.add_column("agreed", justify="right", footer=_share(found.agreed, found.rated_by_both))
    table.add_column("ungraded", justify="right", footer=f"{sum(c.ungraded for c in found.criteria):,}")
    table.add_column("review", justify="right", footer=f"{sum(c.needs_review for c in found.criteria):,}")
    table.add_column("TA, grader", overflow="fold")
    for each in found.criteria:
        agreed = _share(each.agreed, each.rated_by_both)
        counts = f"{each.rated_by_both:,}", agreed, f"{each.ungraded:,}", f"{each.needs_review:,}"
        table.add_row(escape(each.criterion), *counts, escape(_commonest_difference(each)))
    known = f"[yellow]The model was trained on {trained} of these students, so this agreement flatters it.[/]"
    return Group(table, *[known] * (trained > 0), *_notes(regraded, found, out))


def _notes(regraded: Regraded, found: Comparison, out: Path) -> list[str]:
    kept = f", {regraded.kept:,} kept from an earlier run" if regraded.kept else ""
    torn = [f"[yellow]The earlier run was killed while writing: {regraded.torn} bytes of half a grade were dropped.[/]"]
    return [
        *torn * (regraded.torn > 0),
        f"{regraded.graded:,} submissions graded{kept}. {len(found.differences):,} differences from the TAs are listed",
        f"in [bold]{escape(str(out / 'summary.json'))}[/], the most confident first; grades.jsonl and",
        "rubric_ratings.csv beside it hold every grade.",
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _commonest_difference(found: CriterionComparison) -> str:
    pairs = [(n, ta, grader) for ta, row in found.confusion.items() for grader, n in row.items() if ta != grader and n]
    if not pairs:
        return "-"
    count, ta, grader = max(pairs, key=lambda pair: pair[0])
    return f"{ta}, {grader}: {count:,}"
