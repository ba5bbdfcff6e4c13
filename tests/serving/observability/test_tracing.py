"""Traces of requests, their queue wait and their engine call; they contain no student text, path or query string."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from labs_schema.models import Lab, SourceFile, Submission
from serving.observability.metrics import Metrics
from serving.observability.telemetry import Telemetry
from serving.observability.tracing import EXPORTED_ATTRIBUTES, AllowListExporter, Tracing, open_tracing
from serving.scheduler.engine_thread import EngineThread

MARK = "zoe-marker-7731"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def in_memory() -> tuple[InMemorySpanExporter, TracerProvider]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    reduced: Any = AllowListExporter(exporter)
    provider.add_span_processor(SimpleSpanProcessor(reduced))
    return exporter, provider


def traced(grader: Any, lab: Lab) -> tuple[InMemorySpanExporter, TestClient]:
    """A service with one route that grades a program that contains the mark."""
    exporter, provider = in_memory()
    telemetry = Telemetry(Metrics(), Tracing(provider))
    thread, app = EngineThread(lambda: grader, observers=telemetry.observers), FastAPI()
    telemetry.install(app, Depends(lambda: None))
    work = Submission(student=MARK, folder=MARK, files=(SourceFile(path=f"{MARK}.c", text=f"// {MARK}\n"),))

    @app.post("/grade/{name}")
    async def grade(name: str) -> str:
        if name == "bad":
            raise RuntimeError(MARK)
        return (await asyncio.wrap_future(thread.submit(lab, work))).lab

    return exporter, TestClient(app, raise_server_exceptions=False)


def test_request_queue_wait_and_engine_call_are_one_trace(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    exporter, client = traced(fake_grader, make_lab())
    client.post("/grade/one", headers={"traceparent": CALLER})
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"POST /grade/{name}", "queue wait", "engine call"}
    request = spans["POST /grade/{name}"]
    assert f"{request.context.trace_id:032x}" == CALLER.split("-")[1]
    assert request.attributes["http.route"] == "/grade/{name}"
    for part in ("queue wait", "engine call"):
        assert spans[part].parent.span_id == request.context.span_id
        assert request.start_time <= spans[part].start_time <= spans[part].end_time <= request.end_time


@pytest.mark.parametrize("path", [f"/grade/{MARK}", f"/{MARK}", "/grade/bad"])
def test_spans_contain_no_text_of_a_request(fake_grader: Any, make_lab: Callable[..., Lab], path: str) -> None:
    exporter, client = traced(fake_grader, make_lab())
    headers = {"User-Agent": MARK, "Host": f"{MARK}.example", "X-Name": MARK}
    client.post(f"{path}?who={MARK}", content=MARK, headers=headers)
    spans = exporter.get_finished_spans()
    assert spans and MARK not in "".join(span.to_json() for span in spans)
    assert all(set(span.attributes or ()) <= EXPORTED_ATTRIBUTES for span in spans)


def test_failed_request_is_an_error_span(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    exporter, client = traced(fake_grader, make_lab())
    client.post("/grade/bad")
    [span] = exporter.get_finished_spans()
    assert json.loads(span.to_json())["status"] == {"status_code": "ERROR"}


def test_background_work_makes_no_span(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    (exporter, provider), lab = in_memory(), make_lab(students=1)
    thread = EngineThread(lambda: fake_grader, observers=[Tracing(provider)])
    thread.submit(lab, lab.submissions[0], background=True).result(5)
    thread.close()
    assert exporter.get_finished_spans() == ()


def test_opentelemetry_is_not_imported_without_an_endpoint() -> None:
    assert open_tracing({}) is None
    code = "import sys, serving.observability.telemetry, serving.observability.tracing as t; "
    code += "assert t.open_tracing({}) is None; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"


def test_traces_are_exported_to_a_configured_endpoint() -> None:
    tracing = open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert tracing is not None
    tracing.close()
