"""Bodies that are no request, too large, or never there."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from labs_schema.models import Lab
from serving.api.app import BODY_BYTES, create_app
from serving.api.schemas.examples import BY_LAB, BY_RUBRIC
from serving.api.schemas.requests import LIMITS
from serving.courses.lab_registry import LabRegistry
from serving.scheduler.engine_thread import EngineThread

GRADE = {**BY_LAB, "lab": "lab1"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"lab": NaN}', b"9" * 5000])
def test_a_body_that_is_no_request_is_a_problem(body: bytes, client: TestClient) -> None:
    answer = client.post("/grade", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_another_type_is_a_problem(problem: Any, client: TestClient) -> None:
    answer = client.post("/grade", content=b"lab=lab1", headers={"content-type": "text/plain"})
    (error,) = problem(answer, 422, "invalid-request")["errors"]
    assert error["found"] == "8 bytes that are not JSON"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.sampled_from([*BY_RUBRIC, "lab", "", "x"]), value=JSON)
def test_any_json_in_any_field_gets_an_answer_or_a_problem(part: str, value: Any, client: TestClient) -> None:
    body = json.dumps({**BY_RUBRIC, part: value})
    answer = client.post("/grade", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 404, 422), answer.text
    answer.json()


def test_what_is_too_large_is_refused_by_name(problem: Any, client: TestClient, fake_engine: Any) -> None:
    big = {"files": [{"filename": "big.c", "content": "x" * (LIMITS.source_bytes + 1)}]}
    (error,) = problem(client.post("/grade", json={**BY_RUBRIC, "submission": big}), 413, "too-large")["errors"]
    assert error["found"] == f'{LIMITS.source_bytes + 1} bytes in "big.c"'
    full = "x" * LIMITS.source_bytes
    many = {"files": [{"filename": f"{i}.c", "content": full} for i in range(6)]}
    (error,) = problem(client.post("/grade", json={**BY_RUBRIC, "submission": many}), 413, "too-large")["errors"]
    assert error["expected"] == f"at most {LIMITS.submission_bytes} bytes"
    assert fake_engine.asked == []


def test_a_body_past_the_cap_is_refused_whether_it_says_its_length_or_not(problem: Any, client: TestClient) -> None:
    body = b" " * (BODY_BYTES + 1)
    json_type = {"content-type": "application/json"}
    chunks = (body[i : i + 1_000_000] for i in range(0, len(body), 1_000_000))
    for content in (body, chunks):
        (error,) = problem(client.post("/grade", content=content, headers=json_type), 413, "too-large")["errors"]
        assert error["field"] == "body"


def test_a_program_that_no_model_here_could_read_is_refused(
    problem: Any, fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab], store: Any
) -> None:
    engine = EngineThread(lambda: fake_grader)
    with TestClient(
        create_app(engine, LabRegistry([make_lab()]), store, characters=1000), "http://localhost"
    ) as client:
        long = {"files": [{"filename": "main.c", "content": "x" * 1000}]}
        (error,) = problem(client.post("/grade", json={"lab": "lab1", "submission": long}), 413, "too-large")["errors"]
        assert error["expected"] == "at most 1000 characters"
        assert client.post("/grade", json=GRADE).status_code == 200
    assert len(fake_engine.asked) == 1


def test_a_body_that_does_not_come_is_not_waited_for(
    fake_grader: Any, make_lab: Callable[..., Lab], store: Any
) -> None:
    engine = EngineThread(lambda: fake_grader)
    app = create_app(engine, LabRegistry([make_lab()]), store, body_seconds=0.05)
    sent: list[dict[str, Any]] = []

    async def posts_half_a_body() -> None:
        messages = [{"type": "http.request", "body": b'{"lab":', "more_body": True}]

        async def receive() -> dict[str, Any]:
            return messages.pop() if messages else await asyncio.sleep(10, {})

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/grade", "query_string": b"", "headers": headers}
        await asyncio.wait_for(app(scope, receive, send), 3)
        await asyncio.to_thread(engine.close)

    asyncio.run(posts_half_a_body())
    assert sent[0]["status"] == 408
