"""A worker's desk: labs from disk, the engine's thread, the store. Knows no queue and no HTTP."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from labs_schema.errors import InputError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.submissions.file_names import safe_name
from serving.courses.errors import ElsewhereError, UnknownCourseError
from serving.grading.retries import asked_again
from serving.jobs.errors import EndingError, LabChangedError, NoLabError
from serving.jobs.job import Job, work_hash
from serving.jobs.repository import JobRepository
from serving.scheduler.engine_queue import ClosedError
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import Store

MOST_LABS = 16
"""Kept at a time: a job asks for its lab once a chunk, and the jobs of several courses go on beside each other."""


class WorkerBackend:
    """Grades labs through `engine`, after the requests of people who wait. `labs`: the folder they are in, or what says
    which folder is a course's, and raises ElsewhereError for a course that is not graded here. A chunk has a thread."""

    def __init__(self, store: Store, labs: Path | Callable[[str], Path], engine: EngineThread) -> None:
        self.store, self.book = store, JobRepository(store.database)
        self._labs, self._engine = labs, engine
        self._read: list[tuple[Job, Lab]] = []
        self._at = threading.local()

    def folder(self, job: Job) -> Path:
        """Where the job's lab is. Raises NoLabError where there is none."""
        labs = self._labs if isinstance(self._labs, Path) else self._labs(job.course)
        with suppress(InputError):  # no lab at all
            for folder in lab_folders(labs):
                if safe_name(folder.name) == job.lab:
                    return folder
        raise NoLabError(f"The lab {job.lab!r} is not among the labs of any worker. Put its folder there and resume.")

    def lab(self, job: Job) -> Lab:
        """As it was when the job began. Raises LabChangedError where it is not any more, NoLabError where it is not
        here."""
        self._at.course = job.course
        for known, lab in self._read:
            if known.id == job.id:
                return lab
        folder = self.folder(job)
        try:
            lab = load_lab(folder)
        except InputError:
            raise LabChangedError(f"The lab {job.lab!r} can no longer be read; see grader check.") from None
        if work_hash(lab) != job.work:
            raise LabChangedError(
                f"The rubric or the submissions of {job.lab!r} have changed since the job began. Begin a new one."
            )
        self._read = [(job, lab), *self._read[: MOST_LABS - 1]]
        return lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        """Of the lab that `lab` gave this thread last, by the model of its course; what failed is asked for again.

        Raises EndingError once the engine takes nothing more, ElsewhereError where the course is no longer graded here,
        and whatever the engine raises.
        """
        ask = partial(self._ask, self._at.course, lab)
        try:
            return [asked_again(ask, *pair) for pair in zip(submissions, ask(submissions), strict=True)]
        except ClosedError:
            raise EndingError from None
        except UnknownCourseError as error:
            raise ElsewhereError(str(error)) from None

    def _ask(self, course: str, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        waiting = [self._engine.submit(lab, each, course=course, background=True) for each in submissions]
        return [future.result() for future in waiting]
