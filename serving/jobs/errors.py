"""What keeps a job from going on."""

from labs_schema.errors import GraderError


class LabChangedError(GraderError):
    """The lab's rubric or a submission is not what it was when the job began, or it is gone."""
