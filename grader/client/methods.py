"""Operations as methods of both clients: each is described once, as the request that it sends."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial, update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Self, TypeVar, overload

import httpx
from pydantic import BaseModel, ValidationError

from grader.client.errors import ApiError
from grader.client.models import JsonObject
from grader.client.transport import AsyncTransport, Call, SyncTransport

P = ParamSpec("P")
T = TypeVar("T")
Result = TypeVar("Result")
AsyncResult = TypeVar("AsyncResult")
Model = TypeVar("Model", bound=BaseModel)
Request = Callable[Concatenate[Any, P], Call]
"""A method that returns the request instead of sending it."""


class Operation(Generic[P, Result, AsyncResult]):
    """`Result` is what the synchronous client's method returns, `AsyncResult` what the asynchronous client's returns.

    `send`: the method of both transports that gets the request, and `read` for its response or for a line of it.
    """

    def __init__(self, request: Request[P], send: Literal["fetch", "stream"], read: Callable[[Any], object]) -> None:
        self._request, self._send, self._read, self.__doc__ = request, send, read, request.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncTransport, owner: type) -> Callable[P, Result]: ...
    @overload
    def __get__(self, client: AsyncTransport, owner: type) -> Callable[P, AsyncResult]: ...
    def __get__(self, client: SyncTransport | AsyncTransport | None, owner: type) -> Any:
        """The method with the name, the parameters and the docstring of the request."""
        if client is None:
            return self
        request, send = MethodType(self._request, client), getattr(client, self._send)

        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return send(request(*args, **kwargs), self._read)

        return update_wrapper(method, request)


Fetch = Operation[P, T, Coroutine[Any, Any, T]]
Stream = Operation[P, Iterator[JsonObject], AsyncIterator[JsonObject]]


def returns(model: type[Model]) -> Callable[[Request[P]], Fetch[P, Model]]:
    return lambda request: Operation(request, "fetch", partial(_parsed, model=model))


def returns_text(request: Request[P]) -> Fetch[P, str]:
    return Operation(request, "fetch", lambda response: response.text)


def streams_lines(request: Request[P]) -> Stream[P]:
    return Operation(request, "stream", lambda line: json.loads(line) if line else None)


def streams_events(request: Request[P]) -> Stream[P]:
    return Operation(request, "stream", lambda line: json.loads(line[5:]) if line.startswith("data:") else None)


def _parsed(response: httpx.Response, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise ApiError(response) from None
