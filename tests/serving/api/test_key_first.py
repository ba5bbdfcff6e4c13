"""Who has no key in force cannot make the service read, hold or parse a body."""

import asyncio
import json
from typing import Any

import pytest

from serving.store.errors import StoreError

GRADE = {"lab": "lab1", "submission": {"files": [{"filename": "main.c", "content": "int main(void) {}\n"}]}}


def asked(app: Any, path: str, *headers: tuple[bytes, bytes]) -> Any:
    """The answer to a POST whose body never comes."""
    sent: list[Any] = []

    async def unread() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(b"content-type", b"application/json"), (b"content-length", b"1000"), *headers]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": given}
    asyncio.run(asyncio.wait_for(app(scope, unread, send), 5))
    return sent


@pytest.mark.parametrize("path", ["/grade", "/grades/1/overrides", "/labs/lab1/regrade", "/jobs/1/pause"])
@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer grader_x")], [(b"authorization", b"Basic x")]])
def test_it_is_refused_before_its_body_is_read_and_the_connection_closed(
    path: str, headers: list[tuple[bytes, bytes]], course: Any
) -> None:
    course.key("ta")
    start, body = asked(course.serve().app, path, *headers)
    assert (start["status"], json.loads(body["body"])["type"]) == (401, "urn:grader:no-key")
    assert (b"connection", b"close") in start["headers"]


def test_a_key_in_force_is_looked_up_once_and_its_body_read(course: Any) -> None:
    headers, looked_up, find = course.key("platform"), [], course.store.find_key
    course.store.find_key = lambda token: (looked_up.append(token), find(token))[1]
    with course.serve() as client:
        assert client.post("/grade", json=GRADE, headers=headers).status_code == 200
    assert len(looked_up) == 1


def test_a_store_that_is_away_is_told(course: Any) -> None:
    def away(_: str) -> None:
        raise StoreError("away")

    headers = course.key("platform")
    course.store.find_key = away
    with course.serve() as client:
        answer = client.post("/grade", json=GRADE, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:grader:store-down")


def test_a_body_that_holds_no_program_may_be_small_only(course: Any) -> None:
    with course.serve() as client:
        answer = client.post("/grades/1/overrides", content=b" " * 200_001)
    assert (answer.status_code, answer.json()["errors"][0]["expected"]) == (413, "at most 200000 bytes")
