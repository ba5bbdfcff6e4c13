"""Sending a request: address, key, retries where they are safe, and errors. Shared by both clients."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel
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

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """A request. `path`: values for the template `url`. `body`: a record for JSON, bytes or a file for an upload.

    `key`: the idempotency key, if the operation takes one, so that every retry of this call is the same request.
    """

    method: str
    url: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    body: BaseModel | bytes | Path | None = None
    key: str | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice has the effect of sending it once."""
        return self.method == "GET" or self.key is not None


def new_key(given: str | None) -> str:
    """The caller's idempotency key, or a random one."""
    return given or str(uuid.uuid4())


class Transport:
    """`url`: of the service. `key`: an API key. `course`: needed with an all-courses key of several courses."""

    client: ClassVar[type[Any]]

    def __init__(
        self,
        url: str,
        key: str | None = None,
        course: str | None = None,
        *,
        timeout_seconds: float = LIMITS.request_seconds,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises GraderError if `url` is not the address of a service."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GraderError(f"{url!r} is not an address such as https://grader.example.edu.", code="bad-address")
        self._url, self._course = url.rstrip("/"), course
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http: Any = self.client(timeout=timeout_seconds, transport=transport, follow_redirects=False)

    def _request(self, call: Call) -> dict[str, Any]:
        """The arguments of an httpx request."""
        parts = {name: quote(value, safe="") for name, value in call.path.items()}
        given = {**call.query, "course": self._course}
        params = {name: value for name, value in given.items() if value is not None}
        headers = dict(self._headers)
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        arguments = {"method": call.method, "url": self._url + call.url.format(**parts), "params": params}
        if isinstance(call.body, BaseModel):
            arguments["content"] = call.body.model_dump_json(exclude_unset=True)
            headers["Content-Type"] = "application/json"
        elif call.body is not None:
            headers["Content-Type"] = "application/zip"
        return {**arguments, "headers": headers}

    @contextmanager
    def _reachable(self, call: Call) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            acted = call.method != "GET" and not isinstance(error, NOT_SENT)
            reason = str(error) or type(error).__name__
            raise ServiceUnreachableError(self._url, reason, may_have_acted=acted) from None


class SyncTransport(Transport):
    client = httpx.Client

    def close(self) -> None:
        self._http.close()

    def fetch(self, call: Call, read: Callable[[httpx.Response], T]) -> T:
        with self._reachable(call):
            return read(Retrying(**_policy(call))(self._once, call, self._request(call)))

    def _once(self, call: Call, request: dict[str, Any]) -> httpx.Response:
        if isinstance(call.body, Path):
            with call.body.open("rb") as file:
                return _checked(self._http.request(**request, content=file))
        return _checked(self._http.request(**request, **_bytes(call)))

    def stream(self, call: Call, read: Callable[[str], T | None]) -> Iterator[T]:
        """The items of the response's lines, while they arrive; `read` returns None for a line without one."""
        with self._reachable(call), self._http.stream(**self._request(call)) as response:
            if not response.is_success:
                response.read()
            for line in _checked(response).iter_lines():
                if (item := read(line)) is not None:
                    yield item


class AsyncTransport(Transport):
    client = httpx.AsyncClient

    async def aclose(self) -> None:
        await self._http.aclose()

    async def fetch(self, call: Call, read: Callable[[httpx.Response], T]) -> T:
        with self._reachable(call):
            return read(await AsyncRetrying(**_policy(call))(self._once, call, self._request(call)))

    async def _once(self, call: Call, request: dict[str, Any]) -> httpx.Response:
        return _checked(await self._http.request(**request, **_bytes(call)))

    async def stream(self, call: Call, read: Callable[[str], T | None]) -> AsyncIterator[T]:
        with self._reachable(call):
            async with self._http.stream(**self._request(call)) as response:
                if not response.is_success:
                    await response.aread()
                async for line in _checked(response).aiter_lines():
                    if (item := read(line)) is not None:
                        yield item


def _bytes(call: Call) -> dict[str, Any]:
    """The content of an upload. Asynchronous clients send a file from memory: httpx reads no plain file then."""
    if isinstance(call.body, Path):
        return {"content": call.body.read_bytes()}
    return {"content": call.body} if isinstance(call.body, bytes) else {}


def _checked(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        raise api_error(response)
    return response


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
    """The seconds to wait: as long as the service suggests, otherwise random and growing."""
    error = state.outcome.exception() if state.outcome else None
    suggested = error.retry_after if isinstance(error, ApiError) else None
    return _backoff(state) if suggested is None else suggested
