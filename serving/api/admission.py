"""Refuses work while the queue is full, before its body is read: under overload a refusal must cost next to nothing.

Knows no body. What comes through may still find the queue full, and is refused then.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.engine_thread import EngineThread
from serving.api.grading_routes import queue_full, router
from serving.api.problems import answer

QUEUEING = {"/grade"}
"""Paths whose POST queues a submission."""


class Admission:
    """ASGI middleware: 503 to what would queue a submission where there is no room."""

    def __init__(self, app: ASGIApp, engine: EngineThread) -> None:
        self.app, self.engine = app, engine
        self.routes = {path: route for route in router.routes if (path := getattr(route, "path", "")) in QUEUEING}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not self.engine.full:
            return await self.app(scope, receive, send)
        if (route := self.routes.get(scope["path"])) is None:
            return await self.app(scope, receive, send)
        scope["route"] = route
        return await answer(queue_full(self.engine.retry_after))(scope, receive, send)
