"""Metrics and streams of one course are not visible to another course's keys."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient


def test_metrics_of_several_courses_need_an_all_courses_key(department: Any, problem: Any) -> None:
    one, every = department.key("cs101", "admin"), department.key(None, "admin")
    app = department.serve().app
    with TestClient(app, client=("10.0.0.7", 50000)) as client:
        problem(client.get("/metrics", headers=one), "wrong-course")
        assert client.get("/metrics", headers=every).status_code == 200
        department.registry.remove("cs102", actor="test")
        assert client.get("/metrics", headers=one).status_code == 200


@pytest.mark.parametrize("ended_by", ["the key is revoked", "the course is removed"])
def test_a_stream_ends_when_its_reader_loses_access(department: Any, ended_by: str) -> None:
    key = department.key("cs101")
    with department.serve() as client:
        started = client.post("/labs/lab1/regrade", headers=key).json()
        read = ThreadPoolExecutor(1).submit(client.get, f"/jobs/{started['id']}/events", headers=key)
        with pytest.raises(TimeoutError):
            read.result(0.2)
        if ended_by == "the key is revoked":
            department.store.revoke_key(department.store.list_keys()[0].id, actor="test")
        else:
            department.registry.remove("cs101", actor="test")
        try:
            assert read.result(5).text.count("event: progress") == 1
        finally:
            client.app.state.service.stopping.set()  # type: ignore[attr-defined]
