"""Installs metrics and traces into the HTTP service."""

import time
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.observability.metrics import Metrics
from serving.observability.tracing import Tracing
from serving.scheduler.engine_thread import GradingObserver


@dataclass(frozen=True)
class Telemetry:
    """Metrics and traces of one service; `tracing` is None if no endpoint is configured."""

    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing | None = None

    @property
    def observers(self) -> tuple[GradingObserver, ...]:
        """To be notified by the engine's thread."""
        return (self.metrics,) if self.tracing is None else (self.metrics, self.tracing)

    def install(self, app: FastAPI, operator: Any) -> None:
        """Adds the middleware and `GET /metrics`, which requires the dependency `operator`.

        The middleware must be inside of the one that responds to unhandled exceptions.
        """
        app.add_middleware(RequestMetrics, metrics=self.metrics)
        if self.tracing:
            self.tracing.install(app)

        @app.get("/metrics", include_in_schema=False, dependencies=[operator])
        def metrics() -> Response:
            return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    def close(self) -> None:
        if self.tracing is not None:
            self.tracing.close()


class RequestMetrics:
    """ASGI middleware that counts and times requests by the template of their route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, status = time.monotonic(), 500

        async def send_and_see_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_see_status)
        finally:
            # The route is known once the request has been routed.
            route = getattr(scope.get("route"), "path", None)
            self.metrics.request(route, scope["method"], status, time.monotonic() - started)
