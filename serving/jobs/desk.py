"""A worker's desk: labs from disk, the engine's thread, the store. Knows no queue and no HTTP."""

from collections.abc import Sequence
from pathlib import Path

from labs_schema.errors import FaultsError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from labs_schema.names import clean
from labs_schema.validate import lab_folders, load_lab
from serving.api.engine_thread import ClosedError, EngineThread
from serving.jobs.book import JobBook
from serving.jobs.errors import EndingError, LabChangedError
from serving.jobs.job import Job, work_hash
from serving.store.store import Store


class LabDesk:
    """Grades the labs of the folder `labs` through `engine`, after the requests of people who wait."""

    def __init__(self, store: Store, labs: Path, engine: EngineThread) -> None:
        self.store, self.book = store, JobBook(store.database)
        self._labs, self._engine = labs, engine
        self._read: tuple[str, Lab] | None = None

    def folder(self, name: str) -> Path:
        """Where the lab called `name` is. Raises LabChangedError where there is none."""
        for folder in lab_folders(self._labs):
            if clean(folder.name) == name:
                return folder
        raise LabChangedError(f"The lab {name!r} is not among the labs of this worker.")

    def lab(self, job: Job) -> Lab:
        """As it was when the job began. Raises LabChangedError where it is not any more."""
        if self._read is not None and self._read[0] == job.id:
            return self._read[1]
        try:
            lab = load_lab(self.folder(job.lab))
        except FaultsError:
            raise LabChangedError(f"The lab {job.lab!r} can no longer be read; see grader check.") from None
        if work_hash(lab) != job.work:
            raise LabChangedError(
                f"The rubric or the submissions of {job.lab!r} have changed since the job began. Begin a new one."
            )
        self._read = job.id, lab
        return lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        """Raises EndingError once the engine takes nothing more, and whatever the engine raises."""
        try:
            waiting = [self._engine.submit(lab, submission, background=True) for submission in submissions]
        except ClosedError:
            raise EndingError from None
        return [future.result() for future in waiting]
