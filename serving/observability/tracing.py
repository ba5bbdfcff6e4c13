"""OpenTelemetry traces: a span per request (FastAPI instrumentation), with child spans for queue wait and engine call.

Without a configured endpoint no module of OpenTelemetry is imported.
"""

import os
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI

from labs_schema.grades import Grade
from serving.scheduler.engine_queue import QueuedSubmission
from serving.scheduler.engine_thread import EngineCall

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTED_ATTRIBUTES = frozenset(
    {
        "http.method",
        "http.status_code",  # before OpenTelemetry's stable HTTP conventions
        "http.request.method",
        "http.response.status_code",  # with OTEL_SEMCONV_STABILITY_OPT_IN=http
        "http.route",
        "grader.batch",
        "grader.criteria",
    }
)


def open_tracing(environment: Mapping[str, str] = os.environ) -> "Tracing | None":
    """Exports traces with OTLP over HTTP; None if no endpoint is set or OpenTelemetry is not installed.

    The exporter and the SDK read all other OTEL_* variables themselves.
    """
    if not any(environment.get(name) for name in ENDPOINT_VARIABLES) or find_spec("opentelemetry") is None:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": environment.get("OTEL_SERVICE_NAME", "grader")})
    provider = TracerProvider(resource=resource)
    exporter: Any = AllowListExporter(OTLPSpanExporter())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider)


class AllowListExporter:
    """Exports only `EXPORTED_ATTRIBUTES`, without events and status descriptions.

    The instrumentation records paths, query strings, client addresses and texts of exceptions, which may name students
    or quote their programs.
    """

    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter
        self.shutdown, self.force_flush = exporter.shutdown, exporter.force_flush

    def export(self, spans: Sequence[Any]) -> Any:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import Status

        def reduced(span: Any) -> ReadableSpan:
            return ReadableSpan(
                name=span.name,
                context=span.context,
                parent=span.parent,
                resource=span.resource,
                attributes={name: span.attributes[name] for name in EXPORTED_ATTRIBUTES & span.attributes.keys()},
                kind=span.kind,
                status=Status(span.status.status_code),
                start_time=span.start_time,
                end_time=span.end_time,
                instrumentation_scope=span.instrumentation_scope,
            )

        return self._exporter.export([reduced(span) for span in spans])


class Tracing:
    """Spans of one tracer provider, which is shut down by `close`."""

    def __init__(self, provider: Any) -> None:
        self._provider, self._tracer = provider, provider.get_tracer("grader")

    def install(self, app: FastAPI) -> None:
        """A span per request, named after its route; a child of the client's span if it sends `traceparent`."""
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app, tracer_provider=self._provider, exclude_spans=["receive", "send"])

    def graded(self, batch: Sequence[QueuedSubmission], call: EngineCall, grades: Sequence[Grade]) -> None:
        """Adds two child spans to each request of the batch. Called on the engine's thread."""
        for queued, grade in zip(batch, grades, strict=True):
            counts = {"grader.batch": len(batch), "grader.criteria": len(grade.criteria)}
            queued.context.run(self._add_span, "queue wait", queued.submitted, call.started, {})
            queued.context.run(self._add_span, "engine call", call.started, call.ended, counts)

    def close(self) -> None:
        """Exports the remaining spans."""
        self._provider.shutdown()

    def _add_span(self, name: str, started: float, ended: float, attributes: Mapping[str, int]) -> None:
        from opentelemetry.trace import get_current_span

        if get_current_span().get_span_context().is_valid:  # no request waits for background work
            span = self._tracer.start_span(name, start_time=_nanoseconds(started), attributes=attributes)
            span.end(_nanoseconds(ended))


def _nanoseconds(monotonic: float) -> int:
    """A value of `time.monotonic()` as nanoseconds since 1970."""
    return round(1e9 * (monotonic + time.time() - time.monotonic()))
