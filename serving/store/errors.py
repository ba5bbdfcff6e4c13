"""The store's errors, each with a stable `code`."""

from labs_schema.errors import GraderError


class StoreError(GraderError):
    """The database cannot be used: unreachable, not permitted, damaged, busy, full, or of a newer grader (HTTP 503)."""

    code = "store-unavailable"


class StoreLocationError(StoreError):
    """GRADER_STORE is neither a supported URL nor the path of a file."""

    code = "store-location-invalid"
    hint = (
        "Set GRADER_STORE to a path such as /srv/grader/store.db, or to sqlite:////absolute/path.db or "
        "postgresql://user:password@host/name."
    )

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} {self.hint}")


class OutcomeUnknownError(StoreError):
    """The connection was lost during a commit (HTTP 503). Retrying the same request records it once."""

    code = "store-outcome-unknown"


class UnknownError(GraderError):
    """The store has no such grade, key, pseudonym, criterion or rating (HTTP 404)."""

    code = "unknown"


class ForgottenError(GraderError):
    """The student was forgotten, and the content with them (HTTP 410)."""

    code = "forgotten"


class OtherBodyError(GraderError):
    """The idempotency key was used with another body (HTTP 422)."""

    code = "idempotency-key-reused"


class InProgressError(GraderError):
    """The first request with this idempotency key is still being processed (HTTP 409)."""

    code = "in-progress"


class BadNameError(GraderError):
    """A name that is too long or has unprintable characters (HTTP 422)."""

    code = "bad-name"
