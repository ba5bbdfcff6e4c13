"""Refuses a request's body that is larger than a cap or comes too slowly, before it is read whole. Knows nothing of
what is in it."""

import asyncio
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.schemas.problems import FieldProblem, ProblemError, answer


class BodyLimit:
    """ASGI middleware: 413 past `most` bytes, or those `most_for` the path, told from Content-Length or counted as they
    come; 408 where the body is not there after `seconds`."""

    def __init__(self, app: ASGIApp, most: int, most_for: Mapping[str, int], seconds: float) -> None:
        self.app, self.most, self.most_for, self.seconds = app, most, most_for, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        most = self.most_for.get(scope["path"], self.most)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > most:
            return await answer(too_large("body", f"{declared[:20]} bytes", most))(scope, receive, send)
        read, whole, late = 0, False, asyncio.get_running_loop().time() + self.seconds

        async def counted() -> Message:
            nonlocal read, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(late):
                    message = await receive()
            except TimeoutError:
                detail = f"The body was not there within {self.seconds:g} s."
                raise ProblemError(408, "slow-body", detail, headers={"Connection": "close"}) from None
            whole = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > most:
                raise too_large("body", f"more than {most} bytes", most)
            return message

        return await self.app(scope, counted, send)


def too_large(field: str, found: str, most: int, unit: str = "bytes") -> ProblemError:
    """413, for a `field` that may have `most` bytes."""
    wrong = FieldProblem(field=field, found=found, expected=f"at most {most} {unit}")
    return ProblemError(413, "too-large", f"{field} is larger than the service takes; send less.", [wrong])
