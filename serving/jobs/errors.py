"""Errors that stop a job, on this worker or on every worker."""

from labs_schema.errors import GraderError
from serving.courses.errors import ElsewhereError


class LabChangedError(GraderError):
    """The lab's rubric or a submission has changed since the job was created, or can no longer be read."""

    code = "job-lab-changed"


class OtherModelError(GraderError):
    """The current model, engine or settings differ from those that graded the rest of the job."""

    code = "job-model-changed"


class NoLabError(ElsewhereError):
    """This worker does not have the job's lab; another worker of the course may have it."""

    code = "job-lab-missing"


class ObservationsPendingError(GraderError):
    """An observer has not yet run the checks of the chunk's submissions; the chunk is claimed again later."""

    code = "observations-pending"


class WorkerStoppedError(GraderError):
    """The engine is closed because this process is stopping; the chunk is left to another worker."""

    code = "worker-stopped"
