"""Regrades labs from the command line: their folders and a model in, folders of grades and tables out."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from grader.cost import FILE
from grader.regrade_cost import cost_table, measured_cost
from grader.step_bars import step_bars
from labs_schema.errors import GraderError
from labs_schema.hashes import submission_key
from labs_schema.models import Lab
from labs_schema.validate import load_lab
from serving.cluster.ray_session import check_address
from serving.cluster.ray_source import RaySource
from serving.engines.engine import EngineDownError
from serving.engines.engine_choice import EngineName, choose_engine
from serving.engines.metered_engine import MeteredEngine
from serving.grade_sources import GradeSource, LocalSource
from serving.graded_folder import Regraded
from serving.measures.comparison import Comparison, CriterionComparison
from serving.regrade import regrade
from serving.served_model import load_grader
from training.run_folder import RunFolder, write_whole


def regrade_labs(
    folders: Sequence[Path],
    model: str,
    out: Path,
    *,
    engine: EngineName = "auto",
    orders: int | None = None,
    reasoning: bool = False,
    price_per_hour: float | None = None,
    cluster: str | None = None,
    workers: int | None = None,
) -> RenderableType:
    """Regrades labs, one into `out`, several into a folder each in it, and returns what to show. What it cost is
    written to `out` too, for the next estimate. `cluster`: `local` or `ray://host:port`, with so many `workers`.

    Raises FaultsError for a lab, ModelError for a model and GraderError for an `out` or a cluster that cannot be used,
    or where the user stopped it.
    """
    labs = _placed(folders, out)
    begun = time.monotonic()
    path = str(Path(model).resolve()) if Path(model).is_dir() else model
    load = partial(load_grader, path, engine=engine, orders=orders)
    with ExitStack() as opened:
        source: RaySource | LocalSource
        meter: RaySource | MeteredEngine
        if cluster:
            check_address(cluster)
            on_gpu = choose_engine(engine) != "http"
            source = meter = RaySource(load, address=cluster, workers=workers, on_gpu=on_gpu, reasoning=reasoning)
        else:
            grader = load()
            opened.callback(grader.close)
            grader.engine = meter = MeteredEngine(grader.engine)
            source = LocalSource(grader, reasoning=reasoning)
        loaded = time.monotonic()
        done = _regraded(source, labs, out)
        seconds = time.monotonic() - loaded
    shown = [
        regraded_table(each, place, trained_on(model, lab))
        for each, (place, lab) in zip(done, labs.items(), strict=True)
    ]
    if graded := sum(each.graded for each in done):
        load_seconds = None if cluster else loaded - begun  # the workers' loading is part of the grading
        cost = measured_cost(meter, graded, load_seconds, seconds, price_per_hour=price_per_hour)
        write_whole(out / FILE, cost.model_dump_json(indent=1) + "\n")
        shown.append(cost_table(cost, "Cost"))
    return Group(*shown)


def _placed(folders: Sequence[Path], out: Path) -> dict[Path, Lab]:
    """Where each lab's grades go. Raises FaultsError for the labs that cannot be read."""
    if len(folders) == 1:
        return {out: load_lab(folders[0])}
    labs = [load_lab(folder) for folder in folders]
    if twice := {lab.name for lab in labs if [other.name for other in labs].count(lab.name) > 1}:
        raise GraderError(f"two labs are named {', '.join(sorted(twice))}; regrade them one after the other.")
    return {out / lab.name: lab for lab in labs}


def _regraded(source: GradeSource, labs: Mapping[Path, Lab], out: Path) -> list[Regraded]:
    """Says what is kept when the user stops it or the engine does."""
    total, finished = sum(len(lab.submissions) for lab in labs.values()), 0
    with step_bars() as show:

        def progress(done: int) -> None:
            nonlocal finished
            finished = done
            show("grading", done, total)

        try:
            return regrade(source, labs, progress=progress)
        except KeyboardInterrupt:
            raise GraderError(f"Stopped. {_kept(finished, total, out)}") from None
        except EngineDownError as error:
            raise GraderError(f"{error} {_kept(finished, total, out)}") from error


def _kept(done: int, total: int, out: Path) -> str:
    return f"{done:,} of {total:,} submissions are graded and kept in {out}. The same command goes on from there."


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
