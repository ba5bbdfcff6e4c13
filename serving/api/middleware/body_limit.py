"""Limits the size of request bodies."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.schemas.problems import problem_response, too_large

UPLOAD_PAGE = "/app/lab/submissions"


def is_upload(scope: Scope) -> bool:
    """Whether the request uploads an export: POST /labs/LAB/import, or the form of the lab editor."""
    parts = scope["path"].split("/")
    imports: bool = len(parts) == 4 and parts[1] == "labs" and parts[3] == "import"
    return bool(scope["method"] == "POST" and (imports or scope["path"] == UPLOAD_PAGE))


class BodyLimit:
    """ASGI middleware: 413 for a body of more than `limit_bytes`, by its Content-Length or as it arrives.

    `upload_bytes` is the limit of uploads (`is_upload`), which are written to disk as they arrive.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int, upload_bytes: int) -> None:
        self.app, self.limit_bytes, self.upload_bytes = app, limit_bytes, upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit, received = self.upload_bytes if is_upload(scope) else self.limit_bytes, 0
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
