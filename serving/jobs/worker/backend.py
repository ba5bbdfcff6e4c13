"""The backend of a worker: labs from disk, graded on the engine's thread."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from labs_schema.checks.models import checks_hash
from labs_schema.checks.reading import has_checks, read_checks
from labs_schema.errors import InputError, IssueCollector
from labs_schema.grades import Grade
from labs_schema.limits import JobLimits
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import load_lab
from serving.courses.errors import ElsewhereError, UnknownCourseError
from serving.courses.served import find_lab_folder
from serving.engines.engine import EngineDownError
from serving.grading.retries import Outcome, retry_gaps
from serving.jobs.clarified import for_clarification, graded_name
from serving.jobs.errors import LabChangedError, NoLabError, ObservationsPendingError, WorkerStoppedError
from serving.jobs.job import Job, work_hash
from serving.jobs.repository import JobRepository
from serving.observer.queue import ObservationQueue, Work
from serving.scheduler.engine_queue import ClosedError
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import Store


class WorkerBackend:
    """Grades after the requests of waiting clients. One thread for each course at a time.

    `labs`: the folder of the labs, or a function from a course to its folder, which raises ElsewhereError for a course
    that is not graded here.
    """

    def __init__(self, store: Store, labs: Path | Callable[[str], Path], engine: EngineThread) -> None:
        self.store, self.jobs = store, JobRepository(store.database)
        self._labs, self._engine = labs, engine
        self._observations = ObservationQueue(store.database)
        self._loaded: list[tuple[Job, Lab, str | None]] = []
        self._current = threading.local()

    def folder(self, job: Job) -> Path:
        """The folder of the job's lab. Raises NoLabError if there is none."""
        labs = self._labs if isinstance(self._labs, Path) else self._labs(job.course)
        if folder := find_lab_folder(labs, graded_name(job.lab)):
            return folder
        raise NoLabError(f"No worker has the lab {job.lab!r}. Add its folder to a worker's labs and resume the job.")

    def lab(self, job: Job) -> Lab:
        """Raises LabChangedError if it is not as it was when the job was created, NoLabError if it is not here."""
        self._current.course = job.course
        return self._load(job)[0]

    def observe(self, job: Job, submissions: Sequence[Submission]) -> list[Submission]:
        """The submissions with the outcomes of the lab's checks, or with the reason why there are none.

        Raises ObservationsPendingError while an observer still runs them, and what `lab` raises.
        """
        _, checks = self._load(job)
        missing = [each for each in submissions if each.observations is None]
        if checks is None or not missing:
            return [*submissions]
        works = [
            Work(request=job.id, course=job.course, lab=graded_name(job.lab), checks=checks, submission=each)
            for each in missing
        ]
        found = dict(zip((each.student for each in missing), self._observations.settled(works), strict=True))
        if any(each is None for each in found.values()):
            raise ObservationsPendingError("The checks of some submissions have not been run yet.")
        return [settled.applied_to(each) if (settled := found.get(each.student)) else each for each in submissions]

    def _load(self, job: Job) -> tuple[Lab, str | None]:
        """The lab, and the hash of its checks if it has any."""
        for known, lab, checks in self._loaded:
            if known.id == job.id:
                return lab, checks
        folder = self.folder(job)
        try:
            lab = load_lab(folder)
        except InputError:
            raise LabChangedError(f"The lab {job.lab!r} can no longer be read; see grader check.") from None
        lab = for_clarification(self.store.database, job, lab)
        if work_hash(lab) != job.work:
            raise LabChangedError(
                f"The rubric or the submissions of {job.lab!r} have changed since the job was created. Start a new job."
            )
        usable = read_checks(folder, IssueCollector(job.lab)) if has_checks(folder) else None
        loaded = lab, checks_hash(usable) if usable else None
        self._loaded = [(job, *loaded), *self._loaded[: JobLimits().labs_in_memory - 1]]
        return loaded

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        """Grades with the model of the course whose lab this thread loaded last. The engine's thread isolates failures.

        Raises WorkerStoppedError once the engine is closed, ElsewhereError if the course is no longer graded here, and
        EngineDownError.
        """
        grade = partial(self._outcomes, self._current.course, lab)
        return retry_gaps(grade, submissions, grade(submissions))

    def _outcomes(self, course: str, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        named = lab.model_copy(update={"name": graded_name(lab.name)})
        try:
            futures = [self._engine.submit(named, each, course=course, background=True) for each in submissions]
        except ClosedError:
            raise WorkerStoppedError("The engine is closed.") from None
        return [_outcome(future, lab.name) for future in futures]


def _outcome(future: Future[Grade], lab: str) -> Outcome:
    try:
        return future.result().model_copy(update={"lab": lab})
    except EngineDownError:
        raise
    except UnknownCourseError as error:
        raise ElsewhereError(str(error)) from None
    except Exception as error:
        return error
