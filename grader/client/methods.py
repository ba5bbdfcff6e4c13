"""Operations as methods of both clients: each is described once, as the request that it sends."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial, update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import httpx
from pydantic import BaseModel, ValidationError

from grader.client.errors import ApiError
from grader.client.models import JsonObject
from grader.client.transport import AsyncTransport, Call, SyncTransport

P = ParamSpec("P")
T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
Request = Callable[Concatenate[Any, P], Call]
"""A method that returns the request instead of sending it."""


class _Method(Generic[P]):
    """`send` is the name of the method of both transports that gets the request, and `read` for its response."""

    send: str

    def __init__(self, request: Request[P], read: Callable[[Any], object]) -> None:
        self._request, self._read, self.__doc__ = request, read, request.__doc__

    def _bound(self, client: SyncTransport | AsyncTransport) -> Callable[P, Any]:
        """The method with the name, the parameters and the docstring of the request."""
        request = MethodType(self._request, client)

        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return getattr(client, self.send)(request(*args, **kwargs), self._read)

        return update_wrapper(method, request)


class Operation(_Method[P], Generic[P, T]):
    """Makes the result from the response. The asynchronous client's method is a coroutine."""

    send = "fetch"

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncTransport, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncTransport, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: SyncTransport | AsyncTransport | None, owner: type) -> Any:
        return self if client is None else self._bound(client)


class Stream(_Method[P]):
    """Makes items from the lines of the response, while they arrive."""

    send = "stream"

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: SyncTransport, owner: type) -> Callable[P, Iterator[JsonObject]]: ...
    @overload
    def __get__(self, client: AsyncTransport, owner: type) -> Callable[P, AsyncIterator[JsonObject]]: ...
    def __get__(self, client: SyncTransport | AsyncTransport | None, owner: type) -> Any:
        return self if client is None else self._bound(client)


def returns(model: type[Model]) -> Callable[[Request[P]], Operation[P, Model]]:
    return lambda request: Operation(request, partial(_parsed, model=model))


def returns_text(request: Request[P]) -> Operation[P, str]:
    return Operation(request, lambda response: response.text)


def streams_lines(request: Request[P]) -> Stream[P]:
    return Stream(request, lambda line: json.loads(line) if line else None)


def streams_events(request: Request[P]) -> Stream[P]:
    return Stream(request, lambda line: json.loads(line[5:]) if line.startswith("data:") else None)


def _parsed(response: httpx.Response, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise ApiError(response) from None
