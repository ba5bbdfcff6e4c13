"""What is said while the engine is down, full, slow or not ready, and what is done for a client that is gone."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from labs_schema.models import Lab
from serving.api.app import create_app
from serving.api.schemas.examples import BY_LAB
from serving.courses.lab_registry import LabRegistry
from serving.engines.engine import EngineFailure
from serving.scheduler.engine_thread import EngineThread

GRADE = {**BY_LAB, "lab": "lab1"}


def test_an_engine_that_breaks_is_a_503_with_a_time_to_come_again(
    problem: Any, client: TestClient, fake_engine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError("on the student's line secret_variable")

    fake_engine.answer = broken
    with caplog.at_level(logging.INFO, logger="grader.access"):
        answer = client.post("/grade", json=GRADE)
    problem(answer, 503, "engine-down")
    assert int(answer.headers["retry-after"]) >= 1
    assert "secret" not in caplog.text + answer.text
    assert "RuntimeError" in caplog.text


def test_a_full_queue_and_a_slow_engine_are_503s(
    problem: Any, fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab], store: Any
) -> None:
    go, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if go.wait(5) else None
    engine = EngineThread(lambda: fake_grader, capacity=0)
    with TestClient(create_app(engine, LabRegistry([make_lab()]), store), "http://localhost") as client:
        answer = client.post("/grade", json=GRADE)
        problem(answer, 503, "queue-full")
        assert int(answer.headers["retry-after"]) >= 1
    slow = EngineThread(lambda: fake_grader)
    with TestClient(create_app(slow, LabRegistry([make_lab()]), store, seconds=0.05), "http://localhost") as client:
        problem(client.post("/grade", json=GRADE), 503, "too-slow")
        go.set()


def test_it_is_ready_only_while_the_model_scores(problem: Any, client: TestClient, fake_engine: Any) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError

    works, fake_engine.answer = fake_engine.answer, broken
    assert client.get("/healthz").json() == {"status": "alive"}
    problem(client.get("/readyz"), 503, "engine-down")
    fake_engine.answer = lambda _: EngineFailure("no answer")
    problem(client.get("/readyz"), 503, "not-ready")
    fake_engine.answer = works
    assert client.get("/readyz").json() == {"status": "ready"}
    calls = len(fake_engine.asked)
    assert client.get("/readyz").status_code == 200
    assert len(fake_engine.asked) == calls


def test_a_client_that_goes_while_it_waits_is_never_graded(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab], store: Any
) -> None:
    go, busy, first_letter = threading.Event(), threading.Event(), fake_engine.answer

    def slowly(request: Any) -> Any:
        busy.set()
        assert go.wait(5)
        return first_letter(request)

    fake_engine.answer = slowly
    engine, lab = EngineThread(lambda: fake_grader), make_lab()
    app = create_app(engine, LabRegistry([lab]), store)
    running = engine.submit(lab, lab.submissions[0])
    assert busy.wait(5)

    async def goes_then_the_engine_works_on() -> None:
        assert await posted_and_gone(app, GRADE) == 499
        go.set()
        await asyncio.wrap_future(running)
        await asyncio.to_thread(engine.close)

    asyncio.run(goes_then_the_engine_works_on())
    assert len(fake_engine.asked) == 1


async def posted_and_gone(app: Any, body: dict[str, Any]) -> int:
    """Posts to `/grade`, closes the connection, and returns the status of the answer that nobody reads."""
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
