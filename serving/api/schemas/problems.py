"""Errors of the API as RFC 9457 problem details: which field, what was found there, what was expected.

Knows HTTP and no lab. What a client sent comes back only as a short excerpt, and is never logged.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException

from labs_schema.frozen import Frozen

EXCERPT = 60
MOST_ERRORS = 20
TITLES = {**{status.value: status.phrase for status in HTTPStatus}, 499: "Client Closed Request"}
EXPECTED = {
    "missing": "a value",
    "extra_forbidden": "no field of this name",
    "json_invalid": "a body in JSON",
    "model_attributes_type": "an object in JSON, sent with Content-Type: application/json",
}


class FieldProblem(Frozen):
    """One field of a request: its path, such as `submission.files.0.content`, what it held, what it should hold."""

    field: str
    found: str
    expected: str


class Problem(Frozen):
    """RFC 9457 problem details. `type` names the kind of problem for programs, `detail` tells people how to mend it."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldProblem, ...] = Field(
        default=(),
        description="The fields that are wrong, not only the first; of a list, its first wrong item. 20 at most.",
    )


class ProblemError(HTTPException):
    """A problem to answer with. `kind` is a stable kebab-case name."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.problem = Problem(
            type=f"urn:grader:{kind}",
            title=TITLES[status],
            status=status,
            detail=detail,
            errors=tuple(errors),
        )


def busy(kind: str, detail: str, retry_after: int) -> ProblemError:
    """503: not now, again after `retry_after` seconds."""
    return ProblemError(503, kind, detail, headers={"Retry-After": str(retry_after)})


def install_problems(app: FastAPI) -> None:
    """Makes every error that a client can mend a problem, the app's own and the framework's, and adds its
    schema to the OpenAPI description."""
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    stock = app.openapi

    def described() -> dict[str, Any]:
        schema = stock()
        _, problem = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
        schema.setdefault("components", {}).setdefault("schemas", {}).update(problem["$defs"])
        return schema

    app.openapi = described  # type: ignore[method-assign]


def answer(error: ProblemError) -> Response:
    body = json.dumps(error.problem.model_dump(mode="json"))
    return Response(body, error.status_code, error.headers, "application/problem+json")


def excerpt(value: object) -> str:
    """A value of a request in a few words: short values as JSON, long text and collections by their size."""
    if isinstance(value, str) and len(value) > EXCERPT:
        return f"text of {len(value)} characters"
    if isinstance(value, bytes):
        return f"{len(value)} bytes that are not JSON"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    text = json.dumps(value, default=lambda other: type(other).__name__)
    return text if len(text) <= EXCERPT + 2 else text[:EXCERPT] + "..."


async def _http_problem(_: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return answer(error)
    if not isinstance(error, HTTPException):
        raise error
    kind = TITLES[error.status_code].lower().replace(" ", "-")
    return answer(ProblemError(error.status_code, kind, str(error.detail), headers=error.headers))


async def _invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = _innermost(error.errors())
    left_out = len(faults) - MOST_ERRORS
    detail = "The request cannot be read; errors lists the fields that are wrong, and of a list its first wrong item."
    detail += f" {left_out} more are left out." if left_out > 0 else ""
    return answer(ProblemError(422, "invalid-request", detail, [_field_problem(f) for f in faults[:MOST_ERRORS]]))


def _innermost(faults: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The faults without another deeper in their place: pydantic also calls a list too short whose only item is
    wrong. Linear in the faults, of which a client may cause many."""
    outer = {fault["loc"][:depth] for fault in faults for depth in range(len(fault["loc"]))}
    return [fault for fault in faults if fault["loc"] not in outer]


def _field_problem(fault: Mapping[str, Any]) -> FieldProblem:
    kind = str(fault["type"])
    path = [str(part) for part in fault["loc"] if part not in ("body", "registered lab", "inline rubric")]
    field = excerpt(".".join(path)).strip('"') or "body"
    if kind == "json_invalid":
        place = f"{fault.get('ctx', {}).get('error', 'no JSON')} at character {fault['loc'][-1]}"
        return FieldProblem(field="body", found=place, expected=EXPECTED[kind])
    found = "nothing" if kind == "missing" else excerpt(fault.get("input"))
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return FieldProblem(field=field, found=found, expected=EXPECTED.get(kind, message))
