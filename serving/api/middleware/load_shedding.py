"""Refuses work while the service is full, before its body is read: under overload a refusal must cost next to nothing.

Full is the queue, or all of the service with what is on its way into the queue, or one key's part of that: slow bodies
of one course keep nobody else out. Knows no body, and of a key only that it is another. What comes through may
still find the queue full, and is refused then.
"""

from collections import Counter

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
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
        self.inside: Counter[str] = Counter()
        self.routes = {path: route for route in router.routes if (path := getattr(route, "path", "")) in QUEUEING}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self.routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is None:
            return await self.app(scope, receive, send)
        who = get_authorization_scheme_param(Headers(scope=scope).get("authorization"))[1].strip()
        theirs = self.engine.most_held_each if who else self.engine.most_held
        if self.engine.full or self.inside[who] >= theirs or self.inside.total() >= self.engine.most_held:
            scope["route"] = route
            return await answer(queue_full(self.engine.retry_after))(scope, receive, send)
        self.inside[who] += 1
        try:
            return await self.app(scope, receive, send)
        finally:
            self.inside[who] -= 1
            self.inside += Counter()  # without those who have none
