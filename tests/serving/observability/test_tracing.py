"""Traces where they are configured, of requests, their wait and their grading; else OpenTelemetry is not imported."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from labs_schema.models import Lab, SourceFile, Submission
from serving.observability.metrics import Metrics
from serving.observability.observed import Observed
from serving.observability.tracing import Tracing, open_tracing
from serving.scheduler.engine_thread import EngineThread

MARK = "zoe-marker-7731"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def traced(grader: Any, lab: Lab) -> tuple[InMemorySpanExporter, TestClient]:
    """A service of one route that grades a program with a mark in it."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    observed = Observed(Metrics(), Tracing(provider))
    thread, app = EngineThread(lambda: grader, observers=observed.observers), FastAPI()
    observed.install(app)
    work = Submission(student=MARK, folder=MARK, files=(SourceFile(path=f"{MARK}.c", text=f"// {MARK}\n"),))

    @app.post("/grade/{name}")
    async def grade(name: str) -> str:
        import asyncio

        if name == "bad":
            raise RuntimeError(MARK)
        return (await asyncio.wrap_future(thread.submit(lab, work))).lab

    return exporter, TestClient(app, raise_server_exceptions=False)


def test_a_request_its_wait_and_its_engine_call_are_one_trace_and_hold_no_word_of_the_student(
    fake_grader: Any, make_lab: Callable[..., Lab]
) -> None:
    exporter, client = traced(fake_grader, make_lab())
    client.post(f"/grade/{MARK}?who={MARK}", content=MARK, headers={"traceparent": CALLER})
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"POST /grade/{name}", "queue wait", "engine call"}
    request = spans["POST /grade/{name}"]
    assert f"{request.context.trace_id:032x}" == CALLER.split("-")[1]
    for part in ("queue wait", "engine call"):
        assert spans[part].parent.span_id == request.context.span_id
        assert request.start_time <= spans[part].start_time <= spans[part].end_time <= request.end_time
    assert MARK not in "".join(span.to_json() for span in spans.values())


def test_a_request_that_fails_is_an_error_without_its_text(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    exporter, client = traced(fake_grader, make_lab())
    client.post("/grade/bad")
    [span] = exporter.get_finished_spans()
    assert json.loads(span.to_json())["status"]["status_code"] == "ERROR"
    assert MARK not in span.to_json()


def test_work_that_no_request_waits_for_makes_no_trace(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    exporter, provider, lab = InMemorySpanExporter(), TracerProvider(), make_lab(students=1)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    thread = EngineThread(lambda: fake_grader, observers=[Tracing(provider)])
    thread.submit(lab, lab.submissions[0], background=True).result(5)
    thread.close()
    assert exporter.get_finished_spans() == ()


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported() -> None:
    assert open_tracing({}) is None
    code = "import sys, serving.observability.observed as o, serving.observability.tracing as t; "
    code += "assert t.open_tracing({}) is None; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_with_an_endpoint_there_are_traces() -> None:
    tracing = open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert tracing is not None
    tracing.close()
