"""What keeps a job from going on, here or at all."""

from labs_schema.errors import GraderError
from serving.courses.errors import ElsewhereError


class LabChangedError(GraderError):
    """The lab's rubric or a submission is not what it was when the job began, or it is gone."""


class OtherModelError(GraderError):
    """The grades of a job are of another model, engine or setting than what would grade now."""


class NoLabError(ElsewhereError):
    """The job's lab is not among this worker's labs: another worker of its course may have it."""


class EndingError(BaseException):
    """This process is ending: what it was doing is left to the next, and nobody's program is to blame."""
