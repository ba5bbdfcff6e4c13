"""Turns every error that a request can cause into problem details: the API's own, the framework's and the store's."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.routing import Match

from labs_schema.errors import GraderError
from serving.api.schemas.expectations import field_problem
from serving.api.schemas.problems import LIMITS, Problem, ProblemError, problem_response
from serving.api.schemas.regrade_requests import RegradeAnswerIn, RegradeRequestIn, StudentLinkIn
from serving.api.schemas.requests import LabGradeRequest, OverrideRequest, RubricGradeRequest
from serving.api.schemas.webhooks import ReplayIn, WebhookIn
from serving.store.errors import (
    BadNameError,
    ForgottenError,
    InProgressError,
    OtherBodyError,
    OutcomeUnknownError,
    StoreError,
    UnknownError,
)
from serving.store.grades.regrade_requests import RegradeRequestError

BODIES = (
    *(LabGradeRequest, RubricGradeRequest, OverrideRequest),
    *(RegradeRequestIn, RegradeAnswerIn, StudentLinkIn, WebhookIn, ReplayIn),
)
FRAMEWORK_CODES = {400: "bad-request", 404: "not-found", 405: "method-not-allowed"}


def install_error_handlers(app: FastAPI) -> None:
    """Also adds the schema of problem details to the OpenAPI description."""
    for kind in (HTTPException, RequestValidationError, GraderError):
        app.add_exception_handler(kind, _respond)
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        _, problem = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
        schema.setdefault("components", {}).setdefault("schemas", {}).update(problem["$defs"])
        return schema

    app.openapi = described  # type: ignore[method-assign]


async def _respond(request: Request, error: Exception) -> Response:
    return problem_response(problem_of(request, error))


def problem_of(request: Request, error: Exception) -> ProblemError:
    """Raises `error` itself if it is a failure of the service."""
    match error:
        case ProblemError():
            return error
        case HTTPException() if error.status_code in FRAMEWORK_CODES:
            headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
            return ProblemError(FRAMEWORK_CODES[error.status_code], f"{error.detail}.", headers=headers)
        case RequestValidationError():
            return _invalid_request(error)
        case UnknownError():
            return ProblemError("not-found", "No such grade, job, criterion, rating or webhook in this course.")
        case ForgottenError():
            return ProblemError("student-forgotten", "The student and the grades of their work were deleted.")
        case OtherBodyError():
            return ProblemError("idempotency-key-reused", "This Idempotency-Key was used with another body.")
        case InProgressError():
            detail = "The first request with this Idempotency-Key is still in progress."
            return ProblemError("request-in-progress", detail, retry_after=2)
        case BadNameError():
            return ProblemError("invalid-name", str(error))
        case RegradeRequestError():
            return ProblemError(error.code, str(error))
        case OutcomeUnknownError():
            return ProblemError("outcome-unknown", "The database did not confirm the commit.", retry_after=5)
        case StoreError():
            return ProblemError("store-unavailable", "The store is not available.", retry_after=5)
    raise error


def _allowed(request: Request) -> str:
    """The methods of all routes of a path; the framework names those of the first one."""
    found = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in found for method in getattr(route, "methods", None) or ()}))


def _invalid_request(error: RequestValidationError) -> ProblemError:
    faults = _innermost(error.errors())
    omitted = len(faults) - LIMITS.listed_errors
    detail = "Some fields of the request are wrong; errors lists them, and of a list its first wrong item."
    detail += f" {omitted} more are omitted." if omitted > 0 else ""
    listed = [field_problem(fault, _known_fields()) for fault in faults[: LIMITS.listed_errors]]
    return ProblemError("invalid-request", detail, listed)


@cache
def _known_fields() -> tuple[str, ...]:
    """The names of all fields of request bodies."""
    _, schema = models_json_schema([(body, "validation") for body in BODIES])
    return tuple(dict.fromkeys(name for part in schema["$defs"].values() for name in part.get("properties", ())))


def _innermost(faults: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The faults that contain no deeper one: pydantic also reports a list as too short if its only item is wrong.

    Linear in the number of faults, of which a client may cause many.
    """
    outer = {fault["loc"][:depth] for fault in faults for depth in range(len(fault["loc"]))}
    return [fault for fault in faults if fault["loc"] not in outer]
