"""Regrades labs from the command line: their folders and a model in, jobs in the store and folders of results out."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Group, RenderableType

from grader.progress_bars import step_bars
from grader.regrade.cost import cost_table
from grader.regrade.stored_grades import KeptGrades
from grader.regrade.trained_students import trained_on
from grader.service.local_store import cli_actor, local_store
from grader.tables.regrade import Regraded, regraded_table
from grader.token_cost import FILE, Meter, measured_cost
from labs_schema.errors import GraderError
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.cluster.ray_session import check_address
from serving.cluster.ray_source import RaySource
from serving.engines.engine_choice import EngineName, choose_engine
from serving.engines.prefixes import MeteredEngine
from serving.grading.grader import Grader
from serving.grading.retries import PROBE
from serving.jobs.cli_jobs import Tasks, count_settled, find_or_create, grade_jobs
from serving.jobs.export import check_place, export
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.job import Job, RequestedState
from serving.jobs.job_lock import job_lock
from serving.jobs.repository import JobRepository
from serving.jobs.sources import fingerprint_from, grade_from
from serving.model.loading import GraderOptions, load_grader
from serving.store.store import Store
from training.run_folder import write_atomically

Origin = Callable[[Lab, Sequence[Job]], str | None]
"""What a lab would be graded with; None where that is not known and no earlier job has a grade."""
Do = Callable[[Tasks, Callable[[int], None]], None]
"""Grades what waits in jobs; tells how many of their submissions are settled."""


class Begun(NamedTuple):
    """A lab of the command with its job, the folder for the results, and how many grades the job had before."""

    lab: Lab
    job: Job
    out: Path
    kept: int


def regrade_labs(
    folders: Sequence[Path],
    model: str,
    out: Path,
    *,
    course: str | None = None,
    again: bool = False,
    engine: EngineName = "auto",
    orders: int | None = None,
    reasoning: bool = False,
    price_per_hour: float | None = None,
    cluster: str | None = None,
    workers: int | None = None,
) -> RenderableType:
    """Regrades labs, by a job each in the store, writes the results of one into `out`, of several into a folder each in
    it, and returns what to show. What it cost is written to `out` too, for the next estimate.

    Jobs that this command began earlier go on; one that is finished is only written once more, unless `again`.
    `course`: by default the name of the folder that a lab is in. `cluster`: `local` or `ray://host:port`, with so many
    `workers`. Raises InputError for a lab, ModelError for a model and GraderError for a store, an `out` or a cluster
    that cannot be used, or where the user stopped it.
    """
    labs, courses = _placed(folders, out), [course or course_of(folder) for folder in folders]
    started = time.monotonic()
    path = str(Path(model).resolve()) if Path(model).is_dir() else model
    load = partial(load_grader, path, GraderOptions(engine=engine, orders=orders))
    with ExitStack() as opened:
        store = opened.enter_context(local_store())
        kept = _kept(store, courses, list(labs.values()), again)
        opened.enter_context(kept.told())
        meter: Meter
        if cluster:
            check_address(cluster)
            on_gpu = choose_engine(engine) != "http"
            meter = source = RaySource(load, address=cluster, workers=workers, on_gpu=on_gpu, reasoning=reasoning)
            origin, do = _asked(source), partial(grade_from, source, store)
        else:
            grader = load()
            opened.callback(grader.close)
            grader.engine = meter = MeteredEngine(grader.engine)
            origin, do = _known(grader, reasoning), partial(grade_jobs, grader, store, reasoning=reasoning)
        loaded = time.monotonic()
        jobs = [_job(store, of, lab, origin, again) for of, lab in zip(courses, labs.values(), strict=True)]
        opened.enter_context(job_lock(store.database, [job.id for job in jobs]))
        begun = [_begun(store, *each) for each in zip(labs.values(), jobs, labs, strict=True)]
        _grade(begun, do, kept)
        seconds = time.monotonic() - loaded
        done = [_finished(store, each) for each in begun]
    shown = [
        regraded_table(found, each.out, trained_on(model, each.lab)) for each, found in zip(begun, done, strict=True)
    ]
    if graded := sum(each.graded for each in done):
        load_seconds = None if cluster else loaded - started  # the workers' loading is part of the grading
        cost = measured_cost(meter, graded, load_seconds, seconds, price_per_hour=price_per_hour)
        write_atomically(out / FILE, cost.model_dump_json(indent=1) + "\n")
        shown.append(cost_table(cost, "Cost"))
    return Group(*shown)


def course_of(folder: Path) -> str:
    """As `grader serve` names the course of the labs in a folder."""
    return folder.absolute().parent.name or "course"


def _placed(folders: Sequence[Path], out: Path) -> dict[Path, Lab]:
    """Where each lab's results go. Raises InputError for the labs that cannot be read."""
    labs = [load_lab(folder) for folder in folders]
    if twice := {lab.name for lab in labs if [other.name for other in labs].count(lab.name) > 1}:
        raise GraderError(f"two labs are named {', '.join(sorted(twice))}; regrade them one after the other.")
    placed = {out: labs[0]} if len(labs) == 1 else {out / lab.name: lab for lab in labs}
    for place in placed:
        check_place(place)
    return placed


def _known(grader: Grader, reasoning: bool) -> Origin:
    return lambda lab, _: fingerprint_of(grader.provenance(lab, PROBE, reasoning=reasoning))


def _asked(source: RaySource) -> Origin:
    """A cluster's model is known only when it grades; it is asked once, and only if a job has grades to go with."""
    found: list[str] = []

    def origin(lab: Lab, known: Sequence[Job]) -> str | None:
        if not found and any(job.fingerprint for job in known):
            found.append(fingerprint_from(source, lab))
        return found[0] if found else None

    return origin


def _job(store: Store, course: str, lab: Lab, origin: Origin, again: bool) -> Job:
    known = JobRepository(store.database).cli_jobs(course, lab)
    return find_or_create(store, course, lab, known, origin(lab, known), again=again, actor=cli_actor())


def _begun(store: Store, lab: Lab, job: Job, out: Path) -> Begun:
    book = JobRepository(store.database)
    return Begun(lab, book.request(job.id, RequestedState.RUN, actor=cli_actor()), out, book.progress(job.id).graded)


def _kept(store: Store, courses: Sequence[str], labs: Sequence[Lab], again: bool) -> KeptGrades:
    """Of the jobs that go on, if the model is still theirs: that is known only when it is loaded."""
    book, total = JobRepository(store.database), sum(len(lab.submissions) for lab in labs)
    newest = [known[0] for each in zip(courses, labs, strict=True) if (known := book.cli_jobs(*each))]
    return KeptGrades(sum(count_settled(book, job) for job in newest if not (again and job.finished_at)), total)


def _grade(begun: Sequence[Begun], do: Do, kept: KeptGrades) -> None:
    tasks = {each.lab.name: (each.job, each.lab) for each in begun if each.job.finished_at is None}
    finished = kept.total - sum(job.total for job, _ in tasks.values())
    with step_bars() as show:

        def progress(done: int) -> None:
            kept.done = finished + done
            show("grading", kept.done, kept.total)

        if tasks:
            do(tasks, progress)


def _finished(store: Store, begun: Begun) -> Regraded:
    """The job ends when its results are written, so that a command that was killed before writes them."""
    book, job = JobRepository(store.database), begun.job
    comparison = export(store, job, begun.lab, begun.out)
    book.finish(job)
    now = book.progress(job.id)
    return Regraded(kept=begun.kept, graded=now.graded - begun.kept, parked=len(now.parked), comparison=comparison)
