"""Joins metrics and traces to the service: its middleware and its `/metrics`. Knows HTTP and no grade."""

from dataclasses import dataclass, field

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST

from serving.api.authorization import operator
from serving.observability.metrics import Metrics
from serving.observability.requests_seen import RequestsSeen
from serving.observability.tracing import Tracing
from serving.scheduler.engine_thread import GradingObserver


@dataclass(frozen=True)
class Observed:
    """What looks at one service; `tracing` is None where no traces are configured."""

    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing | None = None

    @property
    def observers(self) -> tuple[GradingObserver, ...]:
        """What the engine's thread must tell of its work."""
        return (self.metrics,) if self.tracing is None else (self.metrics, self.tracing)

    def install(self, app: FastAPI) -> None:
        """Adds the middleware, which must be inside of the one that answers for errors, and `GET /metrics`."""
        app.add_middleware(RequestsSeen, metrics=self.metrics, tracing=self.tracing)

        @app.get("/metrics", include_in_schema=False, dependencies=[operator])
        def metrics() -> Response:
            return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    def close(self) -> None:
        if self.tracing is not None:
            self.tracing.close()
