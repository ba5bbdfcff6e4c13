"""What the store refuses, by what a caller can do about it (the HTTP status that fits in brackets)."""

from labs_schema.errors import GraderError


class StoreError(GraderError):
    """A store that cannot be used: no such place, no right, damaged, busy, full, or made by a newer grader (503)."""


class OutcomeUnknownError(StoreError):
    """The database was gone before it said whether it kept what it was given (503). Given again, it is kept once."""


class UnknownError(GraderError):
    """A grade, a key, a pseudonym, a criterion or a rating that the store does not have (404)."""


class ForgottenError(GraderError):
    """What was asked for went with a student who was forgotten (410)."""


class OtherBodyError(GraderError):
    """The idempotency key was used with another body (422)."""


class InProgressError(GraderError):
    """The first request with this idempotency key is still being worked on (409)."""


class BadNameError(GraderError):
    """A name with control characters, half of a character, or too many of them (422)."""
