"""Refuses a body of very many small parts before it is parsed, which would take seconds in which nobody is answered.

Knows JSON's commas and quotes, and no field.
"""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from serving.api.middleware.body_limit import too_large
from serving.api.schemas.problems import ProblemError

PARTS = 100_000
"""Thrice what the largest request has that is taken."""
PART = re.compile(rb'[^"\[{,]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{,])', re.DOTALL)
"""Up to the end of the next string, or the next beginning of a list, an object or an item."""


class JsonComplexityLimit(APIRoute):
    """A route that answers 413 to a body of more than `PARTS` strings, lists, objects and commas."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            try:
                body = await request.body()
            except ClientDisconnect:
                raise ProblemError(499, "client-gone", "The client closed the connection.") from None
            if json.detect_encoding(body) not in ("utf-8", "utf-8-sig"):
                raise ProblemError(400, "bad-request", "The body is not JSON in UTF-8.")
            if has_more(body, PARTS):
                raise too_large("body", f"more than {PARTS} strings, lists, objects and items", PARTS, "of them")
            return await handle(request)

        return checked


def has_more(body: bytes, parts: int) -> bool:
    """Whether `body`, which may be anything, has more parts. Reads no further than that, each byte once."""
    found, end = 0, 0
    while found <= parts and (part := PART.match(body, end)):
        found, end = found + 1, part.end()
    return found > parts
