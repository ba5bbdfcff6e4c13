"""A service without keys answers local clients, and no web page or proxy on the same machine."""

from typing import Any

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost.evil.example:8000"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Host": "evil.example:8000"},
        {"Host": "localhost@evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"X-Forwarded-For": "10.0.0.7"},
        {"Forwarded": "for=10.0.0.7"},
        {"X-Forwarded-Proto": "https"},
        {"Via": "1.1 proxy.example"},
    ],
)
def test_requests_of_other_sites_and_machines_are_refused(client: TestClient, problem: Any, headers: Any) -> None:
    problem(client.post("/labs/lab1/regrade", headers=headers), "loopback-only")
    problem(client.get("/labs", headers=headers), "loopback-only")
    assert client.get("/jobs").json() == {"jobs": []}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:8000"},
        {"Host": "[::1]:8000"},
        {"Host": "LOCALHOST", "Origin": "https://localhost:3000"},
        {"Host": ""},
    ],
)
def test_local_requests_are_allowed(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/labs", headers=headers).status_code == 200


def test_with_keys_any_host_name_is_allowed(course: Any) -> None:
    key = course.key("platform")
    with course.serve() as client:
        headers = {**key, "Host": "grader.example", "X-Forwarded-For": "10.0.0.7"}
        assert client.get("/labs", headers=headers).status_code == 200
