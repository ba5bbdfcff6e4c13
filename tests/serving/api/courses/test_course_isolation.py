"""Metrics and streams of one course are not visible to another course's keys."""

from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.api.routes import jobs


def test_metrics_of_several_courses_need_an_all_courses_key(department: Any, problem: Any) -> None:
    one, every = department.key("cs101", "admin"), department.key(None, "admin")
    app = department.serve().app
    with TestClient(app, client=("10.0.0.7", 50000)) as client:
        problem(client.get("/metrics", headers=one), "wrong-course")
        assert client.get("/metrics", headers=every).status_code == 200
        department.registry.remove("cs102", actor="test")
        assert client.get("/metrics", headers=one).status_code == 200


@pytest.mark.parametrize("ended_by", ["the key is revoked", "the course is removed"])
def test_a_stream_ends_when_its_reader_loses_access(
    department: Any, ended_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, checks, authorized = department.key("cs101"), Semaphore(0), jobs.still_authorized

    def counted(*given: Any) -> bool:
        checks.release()
        return authorized(*given)

    monkeypatch.setattr(jobs, "still_authorized", counted)
    with department.serve() as client:
        started = client.post("/labs/lab1/regrade", headers=key).json()
        read = ThreadPoolExecutor(1).submit(client.get, f"/jobs/{started['id']}/events", headers=key)
        for _ in range(2):  # the second check follows the first event
            assert checks.acquire(timeout=60)
        if ended_by == "the key is revoked":
            department.store.revoke_key(department.store.list_keys()[0].id, actor="test")
        else:
            department.registry.remove("cs101", actor="test")
        try:
            assert read.result(60).text.count("event: progress") == 1
        finally:
            client.app.state.service.stopping.set()  # type: ignore[attr-defined]
