"""Refuses a request's body once it is larger than a cap, before it is read whole. Knows nothing of what is in it."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import FieldProblem, ProblemError, answer


class BodyLimit:
    """ASGI middleware: 413 past `most` bytes, told from Content-Length or counted as they come."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self.most:
            return await answer(too_large("body", f"{declared[:20]} bytes", self.most))(scope, receive, send)
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most:
                raise too_large("body", f"more than {self.most} bytes", self.most)
            return message

        return await self.app(scope, counted, send)


def too_large(field: str, found: str, most: int) -> ProblemError:
    """413, for a `field` that may have `most` bytes."""
    wrong = FieldProblem(field=field, found=found, expected=f"at most {most} bytes")
    return ProblemError(413, "too-large", f"{field} is larger than the service takes; send less.", [wrong])
