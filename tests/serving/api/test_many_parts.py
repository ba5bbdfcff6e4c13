"""A body of very many small parts is refused before it is parsed; one long text is not such a body."""

import json
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.api.middleware.json_complexity import PARTS, has_more
from serving.api.schemas.examples import BY_RUBRIC
from serving.api.schemas.requests import CRITERIA, LIMITS, RATINGS

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"{" + b",".join(b'"%d":0' % i for i in range(1_000_000)) + b"}",
        b'{"lab":[' + b"[]," * 4_000_000 + b"[]]}",
        b'{"lab":[' + b"0," * 5_000_000 + b"0]}",
        b"[" * 10_000_000,
        b'"' * 10_000_000,
    ],
    ids=["names", "lists", "numbers", "nested", "quotes"],
)
def test_a_hostile_body_is_refused_at_once(client: TestClient, problem: Any, body: bytes) -> None:
    began = time.process_time()
    problem(client.post("/grade", content=body, headers=JSON), 413, "too-large")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "body", ["é".encode("utf-16"), '{"lab": "lab1"}'.encode("utf-32"), b'{\0"\0'], ids=["utf-16", "utf-32", "guessed"]
)
def test_a_body_in_another_encoding_cannot_hide_its_parts(client: TestClient, problem: Any, body: bytes) -> None:
    problem(client.post("/grade", content=body, headers=JSON), 400, "bad-request")


def test_the_largest_request_that_is_taken_is_far_below() -> None:
    text = '"[{,\\' * 20
    rating = {"id": "A", "description": text, "points": 1.5}
    criterion = {"id": "c", "title": "t", "description": text, "ratings": [rating] * RATINGS}
    files = [{"filename": "a.c", "content": text}] * LIMITS.submission_files
    largest = {**BY_RUBRIC, "criteria": [criterion] * CRITERIA, "submission": {"files": files}}
    assert not has_more(json.dumps(largest, indent=1).encode(), PARTS // 2)


@pytest.mark.parametrize("body", [b"", b'"', b'"' + b'\\"' * 5_000_000, b" " * 10_000_000, b"[" + b"1" * 10_000_000])
def test_what_is_no_json_is_read_once(body: bytes) -> None:
    began = time.process_time()
    assert not has_more(body, 10)
    assert time.process_time() - began < 5


def test_each_part_is_counted_once() -> None:
    body = b'{"a": ["x\\"y", "[,", {}], "b": 1}'  # { "a" [ "x" , "[," , { , "b"
    assert has_more(body, 9) and not has_more(body, 10)
