"""`grader regrade`: grades labs through jobs in the store and writes their results into folders."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Group, RenderableType

from grader.progress_bars import step_bars
from grader.regrade.cost import cost_table, read_shown_lab
from grader.service.local_store import cli_actor, local_store
from grader.tables.regrade import Regraded, regraded_table
from grader.token_cost import FILE, Cost, Meter, measured_cost
from labs_schema.errors import GraderError, ModelError
from labs_schema.files.atomic import write_atomically
from labs_schema.frozen import Frozen
from labs_schema.hashes import submission_key
from labs_schema.models import Lab
from labs_schema.privacy.pseudonym_key import is_current_key
from serving.cluster.ray_session import check_address
from serving.cluster.ray_source import RaySource
from serving.engines.engine_choice import EngineName, choose_engine
from serving.engines.prefixes import MeteredEngine
from serving.grading.grader import Grader
from serving.grading.retries import PROBE
from serving.head.head import read_head
from serving.jobs.chunk import SYSTEM_ERRORS
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.in_process.cli_jobs import Tasks, count_settled, find_or_create, grade_jobs
from serving.jobs.in_process.sources import fingerprint_from, grade_from
from serving.jobs.job import Job, RequestedState
from serving.jobs.job_lock import job_lock
from serving.jobs.repository import JobRepository
from serving.jobs.results.export import check_output_folder, export
from serving.model.loading import GraderOptions, load_grader
from serving.store.store import Store
from training.run_folder import RunFolder

Fingerprint = Callable[[Lab, Sequence[Job]], str | None]
"""The fingerprint that new grades of a lab would have; None if it is unknown and no earlier job has a grade."""
Grade = Callable[[Tasks, Callable[[int], None]], None]
"""Grades what is left of the jobs and reports the number of settled submissions."""


class RegradeOptions(Frozen):
    """`course`: by default the name of the lab's parent folder. `again`: start a new job even if the last one is
    finished. `cluster`: `local` or `ray://host:port`, with `workers` processes. `price_per_hour`: of the machine."""

    course: str | None = None
    again: bool = False
    engine: EngineName = "auto"
    orders: int | None = None
    reasoning: bool = False
    price_per_hour: float | None = None
    cluster: str | None = None
    workers: int | None = None


class RegradedLab(Frozen):
    """`out`: the folder with the results. `trained`: as in `trained_on`."""

    out: Path
    regraded: Regraded
    trained: int | None


class RegradeReport(Frozen):
    """`cost`: None if every submission was graded before."""

    labs: tuple[RegradedLab, ...]
    cost: Cost | None

    def shown(self) -> RenderableType:
        """Tables for the terminal."""
        tables = [regraded_table(each.regraded, each.out, each.trained) for each in self.labs]
        return Group(*tables, *([cost_table(self.cost, "Cost")] if self.cost else []))


class LabTask(NamedTuple):
    """A lab with its job, the folder for its results, and the number of grades that the job had before."""

    lab: Lab
    job: Job
    out: Path
    stored: int


class StoredProgress:
    """`done` of `total` students are graded or have none to grade."""

    def __init__(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    @contextmanager
    def in_errors(self) -> Iterator[None]:
        """Adds the progress to errors that a rerun may not meet: an interrupt, or an outage of model, cluster or store.

        Raises GraderError.
        """
        try:
            yield
        except KeyboardInterrupt:
            raise GraderError(f"Stopped. {self}", code="interrupted") from None
        except (*SYSTEM_ERRORS, ModelError) as error:
            if not self.done:
                raise
            raise GraderError(f"{error}\n{self}", code=error.code) from error

    def __str__(self) -> str:
        return f"{self.done:,} of {self.total:,} submissions are graded and stored. Rerun the command to resume."


def regrade_labs(folders: Sequence[Path], model: str, out: Path, options: RegradeOptions) -> RegradeReport:
    """Grades labs, each by a job.

    Writes the results of one lab into `out`, of several labs into a folder each, and the cost for the next estimate.
    Resumes earlier jobs; a finished job only writes its results again. Raises InputError for a lab, ModelError for a
    model, and GraderError for a store, an `out` or a cluster that cannot be used, or if the user stops it.
    """
    labs = _read_labs(folders, out)
    courses = [options.course or course_of(folder) for folder in folders]
    started = time.monotonic()
    path = str(Path(model).resolve()) if Path(model).is_dir() else model
    load = partial(load_grader, path, GraderOptions(engine=options.engine, orders=options.orders))
    with ExitStack() as opened:
        store = opened.enter_context(local_store())
        progress = _stored_progress(store, courses, list(labs.values()), options.again)
        opened.enter_context(progress.in_errors())
        meter: Meter
        if options.cluster:
            meter = source = _ray_source(load, options)
            fingerprint, grade = _remote_fingerprint(source), partial(grade_from, source, store)
        else:
            grader = load()
            opened.callback(grader.close)
            grader.engine = meter = MeteredEngine(grader.engine)
            fingerprint = _local_fingerprint(grader, options.reasoning)
            grade = partial(grade_jobs, grader, store, reasoning=options.reasoning)
        loaded = time.monotonic()
        jobs = [_job(store, *each, fingerprint, options.again) for each in zip(courses, labs.values(), strict=True)]
        opened.enter_context(job_lock(store.database, [job.id for job in jobs]))
        tasks = [_task(store, *each) for each in zip(labs.values(), jobs, labs, strict=True)]
        _grade(tasks, grade, progress)
        seconds = time.monotonic() - loaded
        done = [_finish(store, task) for task in tasks]
    labs_done = tuple(
        RegradedLab(out=task.out, regraded=found, trained=trained_on(model, task.lab))
        for task, found in zip(tasks, done, strict=True)
    )
    cost = None
    if graded := sum(each.graded for each in done):
        load_seconds = None if options.cluster else loaded - started  # on a cluster, loading is part of the grading
        cost = measured_cost(meter, graded, load_seconds, seconds, price_per_hour=options.price_per_hour)
        write_atomically(out / FILE, cost.model_dump_json(indent=1) + "\n")
    return RegradeReport(labs=labs_done, cost=cost)


def trained_on(model: str, lab: Lab) -> int | None:
    """The number of the lab's students in the training data of the run `model`.

    0 if `model` is not a run folder; None if its dataset was made with another pseudonym key. A head of `grader label`
    has no dataset: it is fitted on all ratings in the lab's table.
    """
    if not (run := RunFolder(Path(model))).dataset.is_file():
        ratings = read_head(run.head).info.rated.get(lab.name, 0) if run.head.is_dir() else 0
        return min(ratings, len(lab.ratings_by_student))
    manifest = run.read_dataset_manifest()
    if (split := manifest.labs.get(lab.name)) is None:
        return 0
    if not is_current_key(manifest.secret):
        return None
    return len({submission_key(lab.name, each.student) for each in lab.submissions} & set(split.learned))


def course_of(folder: Path) -> str:
    """The name of the lab's parent folder, as in `grader serve`."""
    return folder.absolute().parent.name or "course"


def _read_labs(folders: Sequence[Path], out: Path) -> dict[Path, Lab]:
    """The folder for the results -> lab. Raises InputError for labs that cannot be read."""
    labs = [read_shown_lab(folder) for folder in folders]
    if twice := {lab.name for lab in labs if [other.name for other in labs].count(lab.name) > 1}:
        raise GraderError(
            f"several labs are named {', '.join(sorted(twice))}; regrade them one at a time.", code="same-lab-name"
        )
    found = {out: labs[0]} if len(labs) == 1 else {out / lab.name: lab for lab in labs}
    for folder in found:
        check_output_folder(folder)
    return found


def _ray_source(load: Callable[[], Grader], options: RegradeOptions) -> RaySource:
    assert options.cluster
    check_address(options.cluster)
    on_gpu = choose_engine(options.engine) != "http"
    return RaySource(load, address=options.cluster, workers=options.workers, on_gpu=on_gpu, reasoning=options.reasoning)


def _local_fingerprint(grader: Grader, reasoning: bool) -> Fingerprint:
    return lambda lab, _: fingerprint_of(grader.provenance(lab, PROBE, reasoning=reasoning))


def _remote_fingerprint(source: RaySource) -> Fingerprint:
    """A cluster reveals its model only in a grade: it grades one submission, once, if an earlier job has grades."""
    found: list[str] = []

    def fingerprint(lab: Lab, known: Sequence[Job]) -> str | None:
        if not found and any(job.fingerprint for job in known):
            found.append(fingerprint_from(source, lab))
        return found[0] if found else None

    return fingerprint


def _job(store: Store, course: str, lab: Lab, fingerprint: Fingerprint, again: bool) -> Job:
    known = JobRepository(store.database).cli_jobs(course, lab)
    return find_or_create(store, course, lab, known, fingerprint(lab, known), again=again, actor=cli_actor())


def _task(store: Store, lab: Lab, job: Job, out: Path) -> LabTask:
    jobs = JobRepository(store.database)
    resumed = jobs.request(job.id, RequestedState.RUN, actor=cli_actor())
    return LabTask(lab, resumed, out, jobs.progress(job.id).graded)


def _stored_progress(store: Store, courses: Sequence[str], labs: Sequence[Lab], again: bool) -> StoredProgress:
    """The progress of the jobs that will be resumed if they have the same model, which is known once it is loaded."""
    jobs, total = JobRepository(store.database), sum(len(lab.students) for lab in labs)
    newest = [known[0] for each in zip(courses, labs, strict=True) if (known := jobs.cli_jobs(*each))]
    return StoredProgress(sum(count_settled(jobs, job) for job in newest if not (again and job.finished_at)), total)


def _grade(tasks: Sequence[LabTask], grade: Grade, progress: StoredProgress) -> None:
    open_tasks = {each.lab.name: (each.job, each.lab) for each in tasks if each.job.finished_at is None}
    finished = progress.total - sum(job.total for job, _ in open_tasks.values())
    with step_bars() as show:

        def update(done: int) -> None:
            progress.done = finished + done
            show("grading", progress.done, progress.total)

        if open_tasks:
            grade(open_tasks, update)


def _finish(store: Store, task: LabTask) -> Regraded:
    """Finishes the job after its results are written: if the command is killed before, a rerun writes them."""
    jobs, job = JobRepository(store.database), task.job
    comparison = export(store, job, task.lab, task.out)
    jobs.finish(job)
    now = jobs.progress(job.id)
    return Regraded(
        already_graded=task.stored,
        graded=now.graded - task.stored,
        parked=sum(each.code is None for each in now.parked),
        comparison=comparison,
    )
