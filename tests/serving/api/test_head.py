"""HEAD answers where GET does, and nothing else."""

from typing import Any

import pytest


@pytest.mark.parametrize("path", ["/healthz", "/labs", "/labs/lab1", "/jobs", "/docs", "/openapi.json"])
def test_what_can_be_got_answers_head_with_the_same_headers_and_no_body(path: str, course: Any) -> None:
    with course.serve() as client:
        got, headed = client.get(path), client.head(path)
    assert (headed.status_code, headed.content) == (200, b"")
    for name in ("content-type", "content-length"):
        assert headed.headers[name] == got.headers[name]


def test_what_cannot_be_got_does_not_and_says_what_can_be_done(course: Any) -> None:
    with course.serve() as client:
        answer = client.head("/grade")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert client.head("/labs/none").status_code == 404


def test_a_stream_of_a_job_that_does_not_go_on_ends_at_once(course: Any) -> None:
    with course.serve(queue_up=False) as client:
        job = client.post("/labs/lab1/regrade").json()["id"]
        client.post(f"/jobs/{job}/pause")
        answer = client.head(f"/jobs/{job}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
