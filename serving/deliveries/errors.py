"""Errors of deliveries in four classes, each with a stable code and the next step."""

from enum import StrEnum

from labs_schema.errors import GraderError


class ErrorKind(StrEnum):
    """The person to act: none (`retry`), the operator (`set-up`), the staff with the roster (`data`), the teacher."""

    RETRY = "retry"
    SET_UP = "set-up"
    DATA = "data"
    CONFLICT = "conflict"


KINDS = {
    "platform-busy": ErrorKind.RETRY,
    "platform-unavailable": ErrorKind.RETRY,
    "platform-token": ErrorKind.SET_UP,
    "platform-permission": ErrorKind.SET_UP,
    "platform-not-found": ErrorKind.SET_UP,
    "platform-assignment-unsuitable": ErrorKind.SET_UP,
    "platform-column-unknown": ErrorKind.SET_UP,
    "platform-unexpected": ErrorKind.SET_UP,
    "platform-not-stored": ErrorKind.SET_UP,
    "platform-rubric-changed": ErrorKind.SET_UP,
    "platform-rubric-unmapped": ErrorKind.SET_UP,
    "platform-maximum-differs": ErrorKind.SET_UP,
    "nothing-to-send": ErrorKind.DATA,
    "rubric-versions-differ": ErrorKind.DATA,
    "student-unknown": ErrorKind.DATA,
    "student-not-on-platform": ErrorKind.DATA,
    "student-ambiguous-on-platform": ErrorKind.DATA,
    "platform-student-unknown": ErrorKind.DATA,
    "platform-value-refused": ErrorKind.DATA,
    "platform-grade-locked": ErrorKind.DATA,
    "platform-not-configured": ErrorKind.SET_UP,
    "platform-address": ErrorKind.SET_UP,
    "grade-not-confirmed": ErrorKind.CONFLICT,
    "platform-value-changed": ErrorKind.CONFLICT,
    "platform-stale": ErrorKind.CONFLICT,
}
"""Code -> class. `issues.yaml` has the meaning of each code and its next step."""


class DeliveryError(GraderError):
    """`platform_text` is the platform's own message, for staff only. `wait`: seconds before a retry, if stated."""

    code = "delivery-failed"

    def __init__(self, code: str, message: str, *, platform_text: str = "", wait: float | None = None) -> None:
        self.kind, self.platform_text, self.wait = KINDS[code], platform_text[:500], wait
        super().__init__(message, code=code)
