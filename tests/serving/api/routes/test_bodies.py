"""Bodies that are not a request, or too large."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.api.routes.grading import SOURCE_BYTES
from serving.api.schemas.examples import BY_LAB, BY_RUBRIC
from serving.api.schemas.parts import LIMITS
from serving.api.schemas.problems import PROBLEM_JSON
from serving.scheduler.engine_thread import EngineThread

GRADE = {**BY_LAB, "lab": "lab1"}
JSON_TYPE = {"Content-Type": "application/json"}
MOST = LIMITS.body_bytes


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"lab": NaN}', b"9" * 5000, b'{\0"\0']
)
def test_a_body_that_is_not_a_request_is_a_problem(body: bytes, client: TestClient) -> None:
    response = client.post("/grade", content=body, headers=JSON_TYPE)
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == PROBLEM_JSON


@pytest.mark.parametrize(
    "body",
    [
        b"{" + b",".join(b'"%d":0' % i for i in range(150_000)) + b"}",
        b'{"lab":[' + b"[]," * (MOST // 3 - 10) + b"[]]}",
        b'{"lab":[' + b"0," * (MOST // 2 - 10) + b"0]}",
        b"[" * MOST,
        b'"' * MOST,
    ],
    ids=["names", "lists", "numbers", "nested", "quotes"],
)
def test_the_largest_hostile_body_is_refused_in_a_short_response(client: TestClient, body: bytes) -> None:
    response = client.post("/grade", content=body, headers=JSON_TYPE)
    assert response.status_code in (400, 422) and len(response.content) < 1000


@pytest.mark.parametrize(
    ("headers", "field", "found"),
    [
        ({"content-type": "text/plain"}, "Content-Type", "text/plain"),
        ({"content-type": "application/x-www-form-urlencoded"}, "Content-Type", "application/x-www-form-urlencoded"),
        ({}, "Content-Type", "missing"),
        ({"content-type": "application/json; charset=latin-1"}, "Content-Type", "charset latin-1"),
        ({"content-type": 'application/json; charset="UTF-16"'}, "Content-Type", "charset utf-16"),
        ({**JSON_TYPE, "content-encoding": "gzip"}, "Content-Encoding", "gzip"),
        ({**JSON_TYPE, "content-encoding": "identity, BR"}, "Content-Encoding", "br"),
        ({**JSON_TYPE, "content-encoding": "zstd, " + "x" * 500}, "Content-Encoding", "zstd"),
    ],
)
@pytest.mark.parametrize("path", ["/grade", "/grades/1/overrides"])
def test_a_body_of_another_type_encoding_or_charset_is_415(
    problem: Any, client: TestClient, path: str, headers: dict[str, str], field: str, found: str, fake_engine: Any
) -> None:
    response = client.post(path, content=json.dumps(GRADE).encode(), headers=headers)
    (error,) = problem(response, "unsupported-media-type")["errors"]
    assert (response.status_code, error["field"], error["found"]) == (415, field, found)
    assert error["expected"] and error["hint"] and fake_engine.calls == []


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json;charset=UTF-8", 'application/json; charset="utf-8"', "application/ld+json"],
)
def test_json_in_utf_8_is_read(client: TestClient, content_type: str) -> None:
    headers = {"content-type": content_type, "content-encoding": "identity"}
    assert client.post("/grade", content=json.dumps(GRADE).encode(), headers=headers).status_code == 200


def test_a_request_without_a_body_needs_no_type(client: TestClient) -> None:
    assert client.post("/jobs/none/pause").status_code == 404


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.sampled_from([*BY_RUBRIC, "lab", "", "x"]), value=JSON)
def test_any_json_in_any_field_gets_a_grade_or_a_problem(part: str, value: Any, client: TestClient) -> None:
    body = json.dumps({**BY_RUBRIC, part: value})
    response = client.post("/grade", content=body, headers=JSON_TYPE)
    assert response.status_code in (200, 404, 422), response.text
    response.json()


def test_a_too_large_file_is_reported_by_name(problem: Any, client: TestClient, fake_engine: Any) -> None:
    large = {"files": [{"filename": "big.c", "content": "x" * (SOURCE_BYTES + 1)}]}
    (error,) = problem(client.post("/grade", json={**BY_RUBRIC, "submission": large}), "too-large")["errors"]
    assert error["found"] == f'{SOURCE_BYTES + 1} bytes in "big.c"'
    assert fake_engine.calls == []


@pytest.mark.parametrize("path", ["/grade", "/grades/1/overrides"])
@pytest.mark.parametrize("declared", [True, False], ids=["with Content-Length", "chunked"])
def test_a_body_past_the_limit_is_refused(problem: Any, client: TestClient, path: str, declared: bool) -> None:
    body = b" " * (MOST + 1)
    chunks = (body[i : i + 1_000_000] for i in range(0, len(body), 1_000_000))
    response = client.post(path, content=body if declared else chunks, headers=JSON_TYPE)
    (error,) = problem(response, "too-large")["errors"]
    assert (error["field"], error["expected"]) == ("body", f"at most {MOST} bytes")


def test_program_too_long_for_any_model_is_refused(
    problem: Any, fake_grader: Any, fake_engine: Any, new_app: Callable[..., Any]
) -> None:
    app = new_app(EngineThread(lambda: fake_grader), max_chars=1000)
    with TestClient(app, "http://localhost") as client:
        long = {"files": [{"filename": "main.c", "content": "x" * 1000}]}
        (error,) = problem(client.post("/grade", json={"lab": "lab1", "submission": long}), "too-large")["errors"]
        assert error["expected"] == "at most 1000 characters"
        assert client.post("/grade", json=GRADE).status_code == 200
    assert len(fake_engine.calls) == 1
