"""Installs metrics and traces into the HTTP service."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST

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
        """The observers that the engine's thread must notify."""
        return (self.metrics,) if self.tracing is None else (self.metrics, self.tracing)

    def install(self, app: FastAPI, operator: Any) -> None:
        """Adds traces and `GET /metrics`, which requires the dependency `operator`.

        The access log's middleware passes requests to `metrics.request`.
        """
        if self.tracing:
            self.tracing.install(app)

        @app.get("/metrics", include_in_schema=False, dependencies=[operator])
        def metrics() -> Response:
            return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    def close(self) -> None:
        if self.tracing is not None:
            self.tracing.close()
