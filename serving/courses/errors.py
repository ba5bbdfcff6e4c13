"""Why a course cannot be graded; the other courses are not affected."""

from labs_schema.errors import GraderError
from serving.engines.engine import EngineDownError


class UnknownCourseError(GraderError):
    """The course has no model, or no longer has one (HTTP 404)."""

    code = "unknown-course"


class ElsewhereError(GraderError):
    """This worker does not grade the course, or no longer does; another worker may."""

    code = "course-elsewhere"


class CourseRefusedError(EngineDownError):
    """The course's model was refused when it was loaded (HTTP 503).

    `reason` is for HTTP clients and has no paths; the text has the details, for the log.
    """

    code = "course-refused"

    def __init__(self, course: str, reason: str, details: str) -> None:
        self.course, self.reason = course, reason
        super().__init__(f"The model of the course {course} was rejected: {details}")
