"""Errors of the API as RFC 9457 problem details, and the registry of all their codes.

Responses contain short excerpts of the request only; logs contain none.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files

import yaml
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


_TEXT = files("serving.api.schemas").joinpath("problems.yaml").read_text(encoding="utf-8")
PROBLEMS = {code: ProblemType(code=code, **fields) for code, fields in yaml.safe_load(_TEXT).items()}
"""Every error code of the API. The reference page of errors is generated from here."""


class FieldProblem(Frozen):
    """A wrong field or header of a request."""

    field: str = Field(description="Its path, such as `submission.files.0.content`, or the header's name.")
    found: str = Field(description="What the request has there, shortened.")
    expected: str = Field(description="What would be valid.")
    hint: str = Field(description="How to fix it.")


class Problem(Frozen):
    """RFC 9457 problem details. Programs read `code`; `detail` and `hint` are for people."""

    type: str = Field(description="The code as a URI.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
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
    wrong = FieldProblem(field=field, found=found, expected=f"at most {limit} {unit}", hint="Send less.")
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
