"""What the store refuses, as problems of the API."""

from fastapi import FastAPI, Request, Response

from serving.api.schemas.problems import ProblemError, answer, busy
from serving.store.errors import (
    BadNameError,
    ForgottenError,
    InProgressError,
    OtherBodyError,
    OutcomeUnknownError,
    StoreError,
    UnknownError,
)

UNKNOWN = (
    "The store did not say whether this was kept. Sent again with the same Idempotency-Key it is kept once; without "
    "one, perhaps twice."
)


def install_store_problems(app: FastAPI) -> None:
    for kind in (StoreError, UnknownError, ForgottenError, OtherBodyError, InProgressError, BadNameError):
        app.add_exception_handler(kind, _refused)


async def _refused(_: Request, error: Exception) -> Response:
    return answer(store_problem(error))


def store_problem(error: Exception) -> ProblemError:
    """Raises `error` where the store knows no such."""
    match error:
        case UnknownError():
            return ProblemError(404, "unknown", "There is nothing of this name here, or not for this course.")
        case ForgottenError():
            return ProblemError(410, "forgotten", "The student was forgotten, and the work with them.")
        case OtherBodyError():
            return ProblemError(422, "idempotency-key-reused", str(error))
        case InProgressError():
            return ProblemError(409, "in-progress", str(error), headers={"Retry-After": "2"})
        case BadNameError():
            return ProblemError(422, "bad-name", str(error))
        case OutcomeUnknownError():
            return busy("store-down", UNKNOWN, 5)
        case StoreError():
            return busy("store-down", "The store cannot be used now.", 5)
    raise error
