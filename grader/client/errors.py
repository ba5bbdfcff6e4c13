"""Errors of the client: what the service refused, and a service that does not answer."""

from contextlib import suppress

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from labs_schema.errors import GraderError


class FieldError(BaseModel):
    """A wrong field of the request."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: str
    found: str = ""
    expected: str = ""
    hint: str = ""


class _Problem(BaseModel):
    """RFC 9457 problem details, as the service sends them."""

    code: str
    title: str = ""
    detail: str = ""
    hint: str = ""
    errors: tuple[FieldError, ...] = ()


class ApiError(GraderError):
    """A response that is not a success. `code`: see docs/reference/errors.md; programs read it and `status`.

    `code` is `unexpected-response` if the response is not from the service, such as a proxy's error page. `errors`:
    the wrong fields. `request_id`: names the request in the service's log. `retry_after`: in seconds.
    """

    code = "unexpected-response"

    def __init__(self, response: httpx.Response, problem: _Problem | None = None) -> None:
        found = problem or _Problem(code=ApiError.code, detail=f"HTTP status {response.status_code}")
        self.status = response.status_code
        self.title, self.detail, self.hint, self.errors = found.title, found.detail, found.hint, found.errors
        self.request_id = response.headers.get("x-request-id")
        self.retry_after = _seconds(response.headers.get("retry-after"))
        fields = [f"{each.field}: found {each.found}; expected {each.expected}. {each.hint}" for each in found.errors]
        super().__init__("\n".join([f"{found.code}: {found.detail} {found.hint}".strip(), *fields]), code=found.code)


class ServiceUnreachableError(GraderError):
    """No response: connection refused or lost, or a timeout. `may_have_acted`: whether the service may have processed
    a request that changes something; sending it again could then do it twice."""

    code = "service-unreachable"

    def __init__(self, url: str, reason: str, *, may_have_acted: bool) -> None:
        self.may_have_acted = may_have_acted
        doubt = " The request may have been processed: check before you send it again." if may_have_acted else ""
        super().__init__(f"{url} does not answer: {reason}.{doubt}")


def api_error(response: httpx.Response) -> ApiError:
    """The error of a response whose body was read."""
    with suppress(ValidationError):
        return ApiError(response, _Problem.model_validate_json(response.content))
    return ApiError(response)


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdecimal() else None
