"""Responses while the engine is failing, slow or not ready, and when the client disconnects."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from labs_schema.models import Lab
from serving.api.schemas.examples import BY_LAB
from serving.engines.engine import EngineFailure
from serving.scheduler.engine_thread import EngineThread

GRADE = {**BY_LAB, "lab": "lab1"}


def test_an_engine_failure_is_a_503_with_retry_after(
    problem: Any, client: TestClient, fake_engine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError("on the student's line secret_variable")

    fake_engine.answer = broken
    with caplog.at_level(logging.INFO, logger="grader.access"):
        answer = client.post("/grade", json=GRADE)
    problem(answer, "engine-failed")
    assert int(answer.headers["retry-after"]) >= 1
    assert "secret" not in caplog.text + answer.text
    assert "RuntimeError" in caplog.text


def test_a_slow_engine_is_a_503(problem: Any, fake_grader: Any, fake_engine: Any, new_app: Callable[..., Any]) -> None:
    proceed, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if proceed.wait(5) else None
    app = new_app(EngineThread(lambda: fake_grader), timeout_seconds=0.05)
    with TestClient(app, "http://localhost") as client:
        problem(client.post("/grade", json=GRADE), "grading-timeout")
        proceed.set()


def test_ready_only_while_the_model_scores(problem: Any, client: TestClient, fake_engine: Any) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError

    works, fake_engine.answer = fake_engine.answer, broken
    assert client.get("/healthz").json() == {"status": "alive"}
    problem(client.get("/readyz"), "engine-failed")
    fake_engine.answer = lambda _: EngineFailure("no answer")
    problem(client.get("/readyz"), "not-ready")
    fake_engine.answer = works
    assert client.get("/readyz").json() == {"status": "ready"}
    calls = len(fake_engine.calls)
    assert client.get("/readyz").status_code == 200
    assert len(fake_engine.calls) == calls


def test_a_client_that_disconnects_while_queued_is_not_graded(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab], new_app: Callable[..., Any]
) -> None:
    proceed, busy, first_letter = threading.Event(), threading.Event(), fake_engine.answer

    def slowly(request: Any) -> Any:
        busy.set()
        assert proceed.wait(5)
        return first_letter(request)

    fake_engine.answer = slowly
    engine, lab = EngineThread(lambda: fake_grader), make_lab()
    app = new_app(engine)
    running = engine.submit(lab, lab.submissions[0])
    assert busy.wait(5)

    async def disconnect_then_drain() -> None:
        assert await post_and_disconnect(app, GRADE) == 499
        proceed.set()
        await asyncio.wrap_future(running)
        await asyncio.to_thread(engine.close)

    asyncio.run(disconnect_then_drain())
    assert len(fake_engine.calls) == 1


async def post_and_disconnect(app: Any, body: dict[str, Any]) -> int:
    """Posts to `/grade`, disconnects, and returns the status of the unread response."""
    sent: list[dict[str, Any]] = []
    messages = [{"type": "http.request", "body": json.dumps(body).encode()}, {"type": "http.disconnect"}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/grade",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 3)
    return int(sent[0]["status"])
