"""HEAD answers what GET would, without the body (RFC 9110, section 9.3.2). Knows no route."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware. A stream, which would never end, is told that its client is gone after its first line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            return await self.app(scope, receive, send)
        begun, told = asyncio.Event(), asyncio.Event()

        async def nothing_then_gone() -> Message:
            if not begun.is_set():
                begun.set()
                return {"type": "http.request"}
            await told.wait()
            return {"type": "http.disconnect"}

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif not told.is_set():
                told.set()
                await send({"type": "http.response.body"})

        inner = {**scope, "method": "GET", "asgi": {**scope.get("asgi", {}), "spec_version": "2.0"}}
        try:
            await self.app(inner, nothing_then_gone, without_body)
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]
