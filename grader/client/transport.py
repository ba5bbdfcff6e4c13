"""Sending a request: address, key, retries where they are safe, and errors. Shared by both clients."""

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ValidationError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from grader.client.errors import ApiError, ServiceUnreachableError, api_error
from labs_schema.errors import GraderError
from labs_schema.limits import ClientLimits

LIMITS = ClientLimits()
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors before the first byte of a request was sent."""
REFUSED = (429,)
"""Statuses of requests that were not processed."""
TEMPORARY = (502, 503, 504)
IN_PROGRESS = "request-in-progress"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Call:
    """A request. `path`: values for the template `url`. `body`: a record for JSON, bytes or a file for an upload.

    `keyed`: the operation takes an idempotency key; without one from the caller a random one is sent, so that every
    retry of this call is the same request.
    """

    method: str
    url: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    body: BaseModel | bytes | Path | None = None
    keyed: bool = False
    idempotency_key: str | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice has the effect of sending it once."""
        return self.method == "GET" or self.keyed


class Transport:
    """`url`: of the service. `key`: an API key. `course`: needed with an all-courses key of several courses."""

    def __init__(self, url: str, key: str | None = None, course: str | None = None) -> None:
        """Raises GraderError if `url` is not the address of a service."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GraderError(f"{url!r} is not an address such as https://grader.example.edu.", code="bad-address")
        self._url, self._course = url.rstrip("/"), course
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def _request(self, call: Call) -> dict[str, Any]:
        """The arguments of an httpx request."""
        parts = {name: quote(value, safe="") for name, value in call.path.items()}
        given = {**call.query, "course": self._course}
        params = {name: _text(value) for name, value in given.items() if value is not None}
        headers = dict(self._headers)
        if call.keyed:
            headers["Idempotency-Key"] = call.idempotency_key or str(uuid.uuid4())
        arguments = {"method": call.method, "url": self._url + call.url.format(**parts), "params": params}
        if isinstance(call.body, BaseModel):
            arguments["content"] = call.body.model_dump_json(exclude_unset=True)
            headers["Content-Type"] = "application/json"
        elif call.body is not None:
            headers["Content-Type"] = "application/zip"
        return {**arguments, "headers": headers}

    def _unreachable(self, call: Call, error: httpx.HTTPError) -> ServiceUnreachableError:
        acted = call.method != "GET" and not isinstance(error, NOT_SENT)
        return ServiceUnreachableError(self._url, str(error) or type(error).__name__, may_have_acted=acted)


class SyncTransport(Transport):
    def __init__(
        self,
        url: str,
        key: str | None = None,
        course: str | None = None,
        *,
        timeout_seconds: float = LIMITS.request_seconds,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, key, course)
        self._http = httpx.Client(timeout=timeout_seconds, transport=transport, follow_redirects=False)

    def close(self) -> None:
        self._http.close()

    def _send(self, call: Call) -> httpx.Response:
        request = self._request(call)
        try:
            for attempt in Retrying(**_policy(call)):
                with attempt:
                    return self._once(call, request)
        except httpx.HTTPError as error:
            raise self._unreachable(call, error) from None
        raise AssertionError("unreachable")

    def _once(self, call: Call, request: dict[str, Any]) -> httpx.Response:
        if isinstance(call.body, Path):
            with call.body.open("rb") as file:
                return _checked(self._http.request(**request, content=file))
        return _checked(self._http.request(**request, **_bytes(call)))

    def _json(self, call: Call, model: type[Model]) -> Model:
        return _parsed(self._send(call), model)

    def _text(self, call: Call) -> str:
        return self._send(call).text

    def _stream(self, call: Call) -> Iterator[str]:
        """Lines of the response, while they arrive."""
        try:
            with self._http.stream(**self._request(call)) as response:
                if not response.is_success:
                    response.read()
                _checked(response)
                yield from response.iter_lines()
        except httpx.HTTPError as error:
            raise self._unreachable(call, error) from None

    def _lines(self, call: Call) -> Iterator[dict[str, Any]]:
        return (json.loads(line) for line in self._stream(call) if line)

    def _events(self, call: Call) -> Iterator[dict[str, Any]]:
        return (json.loads(line[5:]) for line in self._stream(call) if line.startswith("data:"))


class AsyncTransport(Transport):
    def __init__(
        self,
        url: str,
        key: str | None = None,
        course: str | None = None,
        *,
        timeout_seconds: float = LIMITS.request_seconds,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, key, course)
        self._http = httpx.AsyncClient(timeout=timeout_seconds, transport=transport, follow_redirects=False)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _send(self, call: Call) -> httpx.Response:
        request = self._request(call)
        try:
            async for attempt in AsyncRetrying(**_policy(call)):
                with attempt:
                    return _checked(await self._http.request(**request, **_bytes(call)))
        except httpx.HTTPError as error:
            raise self._unreachable(call, error) from None
        raise AssertionError("unreachable")

    async def _json(self, call: Call, model: type[Model]) -> Model:
        return _parsed(await self._send(call), model)

    async def _text(self, call: Call) -> str:
        return (await self._send(call)).text

    async def _stream(self, call: Call) -> AsyncIterator[str]:
        try:
            async with self._http.stream(**self._request(call)) as response:
                if not response.is_success:
                    await response.aread()
                _checked(response)
                async for line in response.aiter_lines():
                    yield line
        except httpx.HTTPError as error:
            raise self._unreachable(call, error) from None

    async def _lines(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        async for line in self._stream(call):
            if line:
                yield json.loads(line)

    async def _events(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        async for line in self._stream(call):
            if line.startswith("data:"):
                yield json.loads(line[5:])


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bytes(call: Call) -> dict[str, Any]:
    """The content of an upload. Asynchronous clients send a file from memory: httpx reads no plain file then."""
    if isinstance(call.body, Path):
        return {"content": call.body.read_bytes()}
    return {"content": call.body} if isinstance(call.body, bytes) else {}


def _checked(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise api_error(response)
    return response


def _parsed(response: httpx.Response, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise ApiError(response) from None


def _policy(call: Call) -> dict[str, Any]:
    """tenacity's arguments: what is sent again, when, and how often."""
    return {
        "retry": retry_if_exception(lambda error: _may_retry(call, error)),
        "wait": _wait,
        "stop": stop_after_attempt(LIMITS.attempts) | stop_before_delay(LIMITS.patience_seconds),
        "reraise": True,
    }


def _may_retry(call: Call, error: BaseException) -> bool:
    if isinstance(error, NOT_SENT):
        return True
    if isinstance(error, httpx.TransportError):
        return call.repeatable
    if isinstance(error, ApiError):
        again = error.status in TEMPORARY or error.code == IN_PROGRESS
        return error.status in REFUSED or (call.repeatable and again)
    return False


_backoff = wait_random_exponential(multiplier=LIMITS.retry_wait_seconds, max=LIMITS.longest_retry_wait_seconds)


def _wait(state: RetryCallState) -> float:
    """In seconds: as long as the service suggests, otherwise random and growing."""
    error = state.outcome.exception() if state.outcome else None
    suggested = error.retry_after if isinstance(error, ApiError) else None
    return _backoff(state) if suggested is None else suggested
