"""A service without keys is open to who is on this machine, and to no web page that is open there."""

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
    ],
)
def test_a_page_of_another_site_begins_and_reads_nothing(client: TestClient, problem: Any, headers: Any) -> None:
    problem(client.post("/labs/lab1/regrade", headers=headers), 403, "other-site")
    problem(client.get("/labs", headers=headers), 403, "other-site")
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
def test_who_is_on_this_machine_is_answered(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/labs", headers=headers).status_code == 200


def test_with_keys_any_name_will_do(course: Any) -> None:
    key = course.key("platform")
    with course.serve() as client:
        assert client.get("/labs", headers={**key, "Host": "grader.example"}).status_code == 200
