"""The access log: one line per request, without anything that a client sent."""

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.engines.engine import LabelScores


def test_a_log_line_has_route_status_and_id_and_no_content(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    secret = {"files": [{"filename": "secret_name.c", "content": "int secret_variable;"}]}
    with caplog.at_level(logging.INFO):
        answer = client.post("/grade?secret=1", json={"lab": "lab1", "submission": secret})
        client.get("/secret-path")
    lines = [json.loads(record.message) for record in caplog.records if record.name == "grader.access"]
    assert [(line["route"], line["status"]) for line in lines] == [("/grade", 200), (None, 404)]
    assert lines[0]["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in "".join(json.dumps(line) for line in lines)


def test_unknown_routes_and_methods_are_problems(problem: Any, client: TestClient) -> None:
    problem(client.get("/nowhere"), "not-found")
    problem(client.get("/grade"), "method-not-allowed")


def test_an_unhandled_exception_is_a_500_without_its_text(
    problem: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("serving.api.routes.labs.lab_rubric", fails)
    answer = client.get("/labs/lab1")
    problem(answer, "internal-error")
    assert "secret" not in answer.text + caplog.text


PLANTED = (
    "grader_planted_token",
    "planted-student",
    "planted_variable",
    "planted_name",
    "planted-retry",
    "planted-path",
)


def test_nothing_that_a_client_sends_is_logged(
    course: Any, fake_engine: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Token, student, program, file name, idempotency key and path; in requests that are graded, refused, broken."""
    files = [{"filename": "planted_name.c", "content": "int planted_variable = 'planted_variable';\n"}]
    body = {"lab": "lab1", "student": "planted-student", "submission": {"files": files}}
    token = course.key("admin")["Authorization"].removeprefix("Bearer ")
    keyed = {"Authorization": f"Bearer {token}", "Idempotency-Key": "planted-retry"}
    with caplog.at_level(logging.DEBUG), course.serve() as client:

        def posted(change: dict[str, Any], headers: dict[str, str], path: str = "/grade") -> int:
            return int(client.post(path, json={**body, **change}, headers={**keyed, **headers}).status_code)

        assert posted({}, {}) == 200
        assert posted({}, {"Authorization": "Bearer grader_planted_token"}) == 401
        assert posted({"lab": "planted-path"}, {}, "/grade?planted-path=1") == 404
        assert posted({"planted_name": 1}, {}) == 422
        for path in ("/labs/planted-path", "/planted-path"):
            assert client.get(path, headers=keyed).status_code == 404
        fake_engine.answer = lambda _: raised("planted_variable of planted-student")
        assert posted({}, {"Idempotency-Key": "planted-retry2"}) == 503
        fake_engine.answer = lambda request: first_letter(len(request.labels))
        course.store.record_grades = lambda *_, **__: raised("planted_variable of planted-student")
        assert posted({}, {"Idempotency-Key": "planted-retry3"}) == 500
    own = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]  # the test's client
    logged = "".join([*(r.getMessage() + str(r.exc_info) for r in own), *capfd.readouterr()])
    assert logged.count("/grade") >= 6
    for planted in (*PLANTED, token):
        assert planted not in logged


def raised(text: str) -> Any:
    raise RuntimeError(text)


def first_letter(letters: int) -> LabelScores:
    return LabelScores((-0.1, *[-3.0] * (letters - 1)))
