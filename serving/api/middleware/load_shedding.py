"""Refuses submissions while the queue is full, before their bodies are read: under overload a refusal must be cheap."""

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.grade_requests import queue_full
from serving.api.routes.grading import router
from serving.api.schemas.problems import answer
from serving.scheduler.engine_thread import EngineThread

QUEUEING = {"/grade"}
"""Paths whose POST queues a submission."""


class Admission:
    """ASGI middleware: 503 to what would queue a submission where there is no room."""

    def __init__(self, app: ASGIApp, engine: EngineThread) -> None:
        self.app, self.engine = app, engine
        self.routes = {path: route for route in router.routes if (path := getattr(route, "path", "")) in QUEUEING}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is None or not self.engine.full:
            return await self.app(scope, receive, send)
        scope["route"] = route
        return await answer(queue_full(self.engine.retry_after))(scope, receive, send)
