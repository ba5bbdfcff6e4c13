"""Counts and times every request by the template of its route, and puts it into a span where traces are configured.

Knows no body and no path: what matched no route is one label.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.observability.metrics import Metrics
from serving.observability.tracing import Tracing

UNKNOWN = "(no route)"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class RequestsSeen:
    """ASGI middleware, inside of whatever answers for what raises."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing | None = None) -> None:
        self.app, self.metrics, self.tracing = app, metrics, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, status = time.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "(other)"
        try:
            if self.tracing is None:
                await self.app(scope, receive, noted)
            else:
                with self.tracing.request(method, scope["headers"], lambda: (route_of(scope), status)):
                    await self.app(scope, receive, noted)
        finally:
            self.metrics.request(route_of(scope), method, status, time.monotonic() - started)


def route_of(scope: Scope) -> str:
    """The template that matched, such as `/labs/{lab}`; known once the request has been routed."""
    return str(getattr(scope.get("route"), "path", UNKNOWN))
