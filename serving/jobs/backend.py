"""The backend of a worker: labs from disk, graded on the engine's thread."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

from labs_schema.errors import InputError
from labs_schema.grades import Grade
from labs_schema.limits import JobLimits
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.submissions.file_names import safe_name
from serving.courses.errors import ElsewhereError, UnknownCourseError
from serving.engines.engine import EngineDownError
from serving.grading.retries import Outcome, retry_gaps
from serving.jobs.errors import LabChangedError, NoLabError, WorkerStoppedError
from serving.jobs.job import Job, work_hash
from serving.jobs.repository import JobRepository
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
        self._loaded: list[tuple[Job, Lab]] = []
        self._current = threading.local()

    def folder(self, job: Job) -> Path:
        """The folder of the job's lab. Raises NoLabError if there is none."""
        labs = self._labs if isinstance(self._labs, Path) else self._labs(job.course)
        with suppress(InputError):  # the folder has no lab at all
            for folder in lab_folders(labs):
                if safe_name(folder.name) == job.lab:
                    return folder
        raise NoLabError(f"No worker has the lab {job.lab!r}. Add its folder to a worker's labs and resume the job.")

    def lab(self, job: Job) -> Lab:
        """Raises LabChangedError if it is not as it was when the job was created, NoLabError if it is not here."""
        self._current.course = job.course
        for known, lab in self._loaded:
            if known.id == job.id:
                return lab
        folder = self.folder(job)
        try:
            lab = load_lab(folder)
        except InputError:
            raise LabChangedError(f"The lab {job.lab!r} can no longer be read; see grader check.") from None
        if work_hash(lab) != job.work:
            raise LabChangedError(
                f"The rubric or the submissions of {job.lab!r} have changed since the job was created. Start a new job."
            )
        self._loaded = [(job, lab), *self._loaded[: JobLimits().labs_in_memory - 1]]
        return lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        """With the model of the course whose lab this thread loaded last. The engine's thread isolates failures.

        Raises WorkerStoppedError once the engine is closed, ElsewhereError if the course is no longer graded here, and
        EngineDownError.
        """
        grade = partial(self._outcomes, self._current.course, lab)
        return retry_gaps(grade, submissions, grade(submissions))

    def _outcomes(self, course: str, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        try:
            futures = [self._engine.submit(lab, each, course=course, background=True) for each in submissions]
        except ClosedError:
            raise WorkerStoppedError("The engine is closed.") from None
        return list(map(_outcome, futures))


def _outcome(future: Future[Grade]) -> Outcome:
    try:
        return future.result()
    except EngineDownError:
        raise
    except UnknownCourseError as error:
        raise ElsewhereError(str(error)) from None
    except Exception as error:
        return error
