"""Errors of the API as RFC 9457 problem details, and the registry of all their codes.

Responses contain short excerpts of the request only; logs contain none.
"""

import json
from collections.abc import Mapping, Sequence

from fastapi import Response
from pydantic import Field
from starlette.exceptions import HTTPException

from labs_schema.frozen import Frozen
from labs_schema.limits import RequestLimits

LIMITS = RequestLimits()
PROBLEM_JSON = "application/problem+json"


class ProblemType(Frozen):
    """A kind of error. `code` never changes; `hint` explains how to fix it. `proxy`: sent by the reverse proxy."""

    code: str
    status: int
    title: str
    hint: str
    proxy: bool = False

    @property
    def uri(self) -> str:
        return f"urn:grader:{self.code}"


def _type(status: int, code: str, title: str, hint: str, *, proxy: bool = False) -> ProblemType:
    return ProblemType(code=code, status=status, title=title, hint=hint, proxy=proxy)


PROBLEMS: Mapping[str, ProblemType] = {
    problem.code: problem
    for problem in (
        _type(400, "bad-request", "Malformed request", "Send a JSON body encoded as UTF-8."),
        _type(401, "invalid-key", "Missing or invalid API key", "Send Authorization: Bearer grader_..."),
        _type(403, "insufficient-role", "Insufficient role", "Use a key with a higher role."),
        _type(
            403,
            "loopback-only",
            "Local requests only",
            "Without API keys the service answers only requests to localhost. Create a key: grader keys create.",
        ),
        _type(403, "wrong-course", "Wrong course", "Use a key of the requested course, or an all-courses key."),
        _type(404, "not-found", "Not found", "Check the path, the ids, and the course of the key."),
        _type(404, "unknown-lab", "Unknown lab", "GET /labs lists the labs; or send the rubric in the request."),
        _type(405, "method-not-allowed", "Method not allowed", "The Allow header lists the methods of this path."),
        _type(409, "request-in-progress", "Request in progress", "Retry after the time in Retry-After."),
        _type(409, "lab-unreadable", "Unreadable lab", "Run grader check on the labs folder."),
        _type(409, "nothing-graded", "Nothing graded yet", "Retry when the job has graded a submission."),
        _type(410, "student-forgotten", "Student forgotten", "The student's data was deleted; nothing can be done."),
        _type(413, "too-large", "Request too large", "Remove files that are not source code, or use grader regrade."),
        _type(422, "course-required", "Course required", "Specify the course with ?course=NAME."),
        _type(422, "idempotency-key-reused", "Idempotency key reused", "Use a new Idempotency-Key for a new body."),
        _type(422, "invalid-name", "Invalid name", "Use printable characters."),
        _type(422, "invalid-request", "Invalid request", "Correct the fields that errors lists."),
        _type(429, "rate-limited", "Rate limit exceeded", "Retry after the time in Retry-After."),
        _type(429, "too-many-streams", "Too many open responses", "Close or finish reading another one.", proxy=True),
        _type(499, "client-closed-request", "Client closed request", "Keep the connection open until the response."),
        _type(500, "internal-error", "Internal error", "Find the X-Request-Id of the response in the service's log."),
        _type(503, "engine-failed", "Engine failed", "Retry. If it persists, see the service's log."),
        _type(503, "grading-timeout", "Grading timed out", "Retry when the service is less busy."),
        _type(503, "model-rejected", "Model rejected", "Register the course's model again: grader courses add."),
        _type(503, "not-ready", "Not ready", "Wait until /readyz returns 200."),
        _type(503, "outcome-unknown", "Outcome unknown", "Retry with the same Idempotency-Key to avoid duplicates."),
        _type(503, "queue-full", "Queue full", "Retry after the time in Retry-After."),
        _type(503, "service-unavailable", "Service unavailable", "Retry after the time in Retry-After.", proxy=True),
        _type(503, "shutting-down", "Shutting down", "Retry after the time in Retry-After."),
        _type(503, "store-unavailable", "Store unavailable", "Retry. If it persists, check the database."),
    )
}
"""Every error code of the API. The reference page of errors is generated from here."""


class FieldProblem(Frozen):
    """A wrong field of a request: its path, such as `submission.files.0.content`, and what was found and expected."""

    field: str
    found: str
    expected: str


class Problem(Frozen):
    """RFC 9457 problem details. Programs read `code`; `detail` and `hint` are for people."""

    type: str = Field(description="The code as a URI.")
    title: str
    status: int
    code: str = Field(description="A stable kebab-case name of the kind of problem.")
    detail: str = Field(description="What is wrong with this request.")
    hint: str = Field(description="How to fix it.")
    errors: tuple[FieldProblem, ...] = Field(
        default=(), description="The wrong fields, up to 20. Of a list, only the first wrong item."
    )


class ProblemError(HTTPException):
    """Raised to respond with a problem. `retry_after`: seconds, for the header of that name."""

    def __init__(
        self,
        code: str,
        detail: str,
        errors: Sequence[FieldProblem] = (),
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        kind = PROBLEMS[code]
        retry = {} if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(kind.status, detail, {**retry, **(headers or {})})
        self.problem = Problem(
            type=kind.uri,
            title=kind.title,
            status=kind.status,
            code=code,
            detail=detail,
            hint=kind.hint,
            errors=tuple(errors),
        )


def too_large(field: str, found: str, limit: int, unit: str = "bytes") -> ProblemError:
    wrong = FieldProblem(field=field, found=found, expected=f"at most {limit} {unit}")
    return ProblemError("too-large", f"{field} is too large: {found}, at most {limit} {unit} are allowed.", [wrong])


def problem_response(error: ProblemError) -> Response:
    body = json.dumps(error.problem.model_dump(mode="json"))
    return Response(body, error.status_code, error.headers, PROBLEM_JSON)


def excerpt(value: object) -> str:
    """A request's value in a few words: short values as JSON, long text and collections by their size."""
    limit = LIMITS.excerpt_chars
    if isinstance(value, str) and len(value) > limit:
        return f"text of {len(value)} characters"
    if isinstance(value, bytes):
        return f"{len(value)} bytes that are not JSON"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    text = json.dumps(value, default=lambda other: type(other).__name__)
    return text if len(text) <= limit + 2 else text[:limit] + "..."
