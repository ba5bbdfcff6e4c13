"""A full queue is refused cheaply, with Retry-After."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from benchmarks.serving.overload import overloaded
from serving.api.schemas.examples import BY_LAB
from serving.scheduler.engine_thread import EngineThread


def test_a_full_queue_is_refused_before_the_body_is_read(
    fake_grader: Any, new_app: Callable[..., Any], problem: Any
) -> None:
    def body() -> Any:
        raise AssertionError("the body was read")
        yield b""

    with TestClient(new_app(EngineThread(lambda: fake_grader, capacity=0)), "http://localhost") as client:
        response = client.post("/grade", content=body(), headers={"content-type": "application/json"})
        problem(response, "queue-full")
        assert int(response.headers["retry-after"]) >= 1
        assert client.get("/labs").status_code == 200


def test_a_submission_with_a_reserved_slot_is_not_refused_later(
    fake_grader: Any, fake_engine: Any, new_app: Callable[..., Any]
) -> None:
    """With one slot, the second of two requests is refused while the first waits, and the first is graded."""
    proceed, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if proceed.wait(10) else None
    engine = EngineThread(lambda: fake_grader, capacity=1)
    with TestClient(new_app(engine), "http://localhost") as client:
        body = {**BY_LAB, "lab": "lab1"}
        responses: list[Any] = []
        threads = [
            threading.Thread(target=lambda: responses.append(client.post("/grade", json=body))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        while len(responses) < 2:  # at most one is in the engine and one is queued
            threading.Event().wait(0.01)
        proceed.set()
        for thread in threads:
            thread.join(10)
    assert sorted({response.status_code for response in responses}) == [200, 503]
    assert {response.json()["code"] for response in responses if response.status_code == 503} == {"queue-full"}


@pytest.mark.slow
def test_ten_times_the_capacity_is_refused_by_a_real_server() -> None:
    """Latencies are measured by `make bench-overload`: tests share their machine."""
    found = overloaded(seconds=2, times=10, peak_seconds=2)
    assert set(found["statuses"]) <= {"200", "429", "503"} and "503" in found["statuses"]
    assert found["refused_without_retry_after"] == 0
    assert found["accepted_of_peak"] > 0.5
    assert found["memory_growth_mb"] < 100
