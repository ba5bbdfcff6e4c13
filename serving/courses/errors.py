"""What keeps a course from being graded, while the others go on."""

from labs_schema.errors import GraderError
from serving.engines.engine import EngineDownError


class UnknownCourseError(GraderError):
    """A course that has no model, or none any more (404)."""


class ElsewhereError(GraderError):
    """This worker does not grade the course, or no longer does; another worker may."""


class CourseRefusedError(EngineDownError):
    """A course whose model was refused when it was to be loaded (503).

    `reason` is for whoever asks over HTTP, without paths; the text says all, for the log.
    """

    def __init__(self, course: str, reason: str, told: str) -> None:
        self.course, self.reason = course, reason
        super().__init__(f"The model of the course {course} is refused: {told}")
