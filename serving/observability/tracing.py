"""OpenTelemetry traces, where an endpoint for them is configured: a span for the request, its wait and its grading.

Attributes are routes, statuses and counts. Without an endpoint nothing of OpenTelemetry is imported.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from labs_schema.grades import Grade
from serving.scheduler.engine_queue import QueuedSubmission
from serving.scheduler.engine_thread import EngineCall

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def open_tracing(environment: Mapping[str, str] = os.environ) -> "Tracing | None":
    """Traces to the endpoint (OTLP over HTTP) that `environment` names; None where it names none, or where
    OpenTelemetry is not installed."""
    if not any(environment.get(name) for name in ENDPOINTS) or find_spec("opentelemetry") is None:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME", "grader")})
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


class Tracing:
    """Spans of one OpenTelemetry tracer provider, which it shuts down when it is closed."""

    def __init__(self, provider: Any) -> None:
        self._provider, self._tracer = provider, provider.get_tracer("grader")

    @contextmanager
    def request(
        self, method: str, headers: Iterable[tuple[bytes, bytes]], answered: Callable[[], tuple[str, int]]
    ) -> Iterator[None]:
        """The span of a request, a child of the caller's where `headers` name one. `answered`: route and status."""
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name[:5] == b"trace"}
        caller = TraceContextTextMapPropagator().extract(carrier)
        with self._tracer.start_as_current_span(
            method, context=caller, kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            finally:
                route, status = answered()
                span.update_name(f"{method} {route}")
                span.set_attributes(
                    {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                )
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))

    def graded(self, batch: Sequence[QueuedSubmission], call: EngineCall, grades: Sequence[Grade]) -> None:
        """Of every job that came with a span: how long it waited, and the batch that graded it."""
        for queued, grade in zip(batch, grades, strict=True):
            counts = {"grader.batch": len(batch), "grader.criteria": len(grade.criteria)}
            queued.context.run(self._note, "queue wait", queued.submitted, call.started, {})
            queued.context.run(self._note, "engine call", call.started, call.ended, counts)

    def close(self) -> None:
        """Sends what has not been sent."""
        self._provider.shutdown()

    def _note(self, name: str, began: float, ended: float, attributes: Mapping[str, int]) -> None:
        from opentelemetry.trace import get_current_span

        if get_current_span().get_span_context().is_valid:
            span = self._tracer.start_span(name, start_time=_nanoseconds(began), attributes=attributes)
            span.end(_nanoseconds(ended))


def _nanoseconds(moment: float) -> int:
    """A time of `time.monotonic` as one since 1970."""
    return round(1e9 * (moment + time.time() - time.monotonic()))
