"""What a course holds up, counts and streams is kept apart from the other courses of a service."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.concurrency import run_in_threadpool
from starlette.testclient import TestClient

from serving.api.middleware.load_shedding import Admission


def test_who_has_a_key_of_one_course_does_not_see_the_counts_of_others(department: Any, problem: Any) -> None:
    one, every = department.key("cs101", "admin"), department.key(None, "admin")
    app = department.serve().app
    with TestClient(app, client=("10.0.0.7", 50000)) as client:
        problem(client.get("/metrics", headers=one), 403, "other-course")
        assert client.get("/metrics", headers=every).status_code == 200
        department.book.remove("cs102", actor="test")
        assert client.get("/metrics", headers=one).status_code == 200


def test_slow_bodies_of_one_key_leave_room_for_another_course(department: Any, problem: Any) -> None:
    one, two = department.key("cs101"), department.key("cs102")
    entered, go = threading.Semaphore(0), threading.Event()

    async def held(_: Any, __: Any, send: Any) -> None:
        entered.release()
        await run_in_threadpool(go.wait, 10)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    client = TestClient(Admission(held, department.engine))
    most = department.engine.most_held_each
    assert most < department.engine.most_held
    with ThreadPoolExecutor(most + 1) as threads:
        holding = [threads.submit(client.post, "/grade", headers=one) for _ in range(most)]
        for _ in range(most):
            assert entered.acquire(timeout=5)
        problem(client.post("/grade", headers=one), 503, "queue-full")
        other = threads.submit(client.post, "/grade", headers=two)
        assert entered.acquire(timeout=5)
        go.set()
        assert {each.result(5).status_code for each in [*holding, other]} == {200}
    assert client.post("/grade", headers=one).status_code == 200


@pytest.mark.parametrize("ended_by", ["the key is revoked", "the course is removed"])
def test_a_stream_ends_when_its_reader_may_not_know_any_more(department: Any, ended_by: str) -> None:
    key = department.key("cs101")
    with department.serve() as client:
        begun = client.post("/labs/lab1/regrade", headers=key).json()
        read = ThreadPoolExecutor(1).submit(client.get, f"/jobs/{begun['id']}/events", headers=key)
        with pytest.raises(TimeoutError):
            read.result(0.2)
        if ended_by == "the key is revoked":
            department.store.revoke_key(department.store.list_keys()[0].id, actor="test")
        else:
            department.book.remove("cs101", actor="test")
        try:
            assert read.result(5).text.count("event: progress") == 1
        finally:
            client.app.state.service.stopping.set()  # type: ignore[attr-defined]
