"""Limits the size of request bodies."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.schemas.problems import problem_response, too_large


class BodyLimit:
    """ASGI middleware: 413 for a body of more than `limit_bytes`, by its Content-Length or as it arrives."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self.app, self.limit_bytes = app, limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit, received = self.limit_bytes, 0
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            return await problem_response(too_large("body", f"{declared[:20]} bytes", limit))(scope, receive, send)

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise too_large("body", f"more than {limit} bytes", limit)
            return message

        return await self.app(scope, counted, send)
