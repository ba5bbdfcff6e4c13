"""The service from outside: what it answers, what it refuses and how it says so."""

import asyncio
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from labs_schema.models import Lab
from serving.api.answers import GradeResponse, LabList, LabRubric
from serving.api.app import BODY_BYTES, create_app
from serving.api.engine_thread import EngineThread
from serving.api.examples import (
    ANSWER,
    BY_LAB,
    BY_RUBRIC,
    COMPARISON,
    HISTORY,
    JOB,
    LAB_LIST,
    LAB_RUBRIC,
    OVERRIDE,
    RESULT,
)
from serving.api.job_answers import GradeHistory, JobOut, OverrideOut
from serving.api.lab_registry import LabRegistry
from serving.api.requests import DESCRIPTION_CHARS, FIELDS, LIMITS, PROBLEM_CHARS
from serving.engines.engine import EngineFailure, LabelScores
from serving.jobs.results import JobComparison, Result

PROGRAM = {"files": [{"filename": "main.c", "content": "int main(void) { return 4; }\n"}]}
RUBRIC = {
    "problem": "Return 4.",
    "language": "C",
    "criteria": [
        {
            "id": "_1",
            "title": "Right?",
            "ratings": [{"id": "no", "description": "Wrong", "points": 0}, {"id": "yes", "points": 2.5}],
        }
    ],
    "submission": PROGRAM,
}


@pytest.fixture
def client(fake_grader: Any, make_lab: Callable[..., Lab], store: Any) -> Iterator[TestClient]:
    engine = EngineThread(lambda: fake_grader, waiting=4)
    app = create_app(engine, LabRegistry([make_lab()]), store, seconds=5, rate="100000/second")
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    """The problem details of an answer, after looking that it is one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["type"], body["status"]) == (f"urn:grader:{kind}", status)
    assert body["title"] and body["detail"]
    return body


def test_a_registered_labs_submission_is_graded_criterion_by_criterion(client: TestClient, fake_engine: Any) -> None:
    fake_engine.script = [LabelScores((math.log(0.4), math.log(0.05), math.log(0.05)))]
    answer = client.post("/grade", json={"lab": "lab1", "submission": PROGRAM})
    assert answer.status_code == 200
    body = answer.json()
    compiles, readable = body["criteria"]
    assert compiles["rating"] == {"id": "A", "description": "Without warnings", "points": 2}
    assert [(r["id"], round(r["probability"], 3)) for r in compiles["ratings"]] == [("A", 0.8), ("B", 0.1), ("C", 0.1)]
    assert compiles["confidence"] == pytest.approx(0.8)
    assert compiles["label_mass"] == pytest.approx(0.5)
    assert (compiles["status"], compiles["ungraded"], compiles["reasoning"]) == ("accepted", None, None)
    assert (body["lab"], body["points"], body["max_points"]) == ("lab1", 3, 3)
    assert body["points_range"] == {"low": 3, "high": 3}
    assert body["provenance"]["engine"] == "fake"
    assert readable["title"] == "Is it readable?"


def test_a_rubric_in_the_request_is_graded_and_keeps_its_ids(client: TestClient) -> None:
    body = client.post("/grade", json=RUBRIC).json()
    (criterion,) = body["criteria"]
    assert (criterion["id"], criterion["title"], criterion["max_points"]) == ("_1", "Right?", 2.5)
    assert criterion["rating"] == {"id": "no", "description": "Wrong", "points": 0}
    assert (body["lab"], body["points"]) == (None, 0)


def test_a_rubric_without_points_has_no_total(client: TestClient) -> None:
    ratings = [{"id": "A"}, {"id": "B"}]
    body = client.post("/grade", json={**RUBRIC, "criteria": [{"title": "Right?", "ratings": ratings}]}).json()
    assert (body["criteria"][0]["id"], body["criteria"][0]["points"]) == ("Right?", None)
    assert (body["points"], body["points_range"], body["max_points"]) == (None, None, None)


def test_reasons_are_written_only_when_asked_for(client: TestClient) -> None:
    plain = client.post("/grade", json={"lab": "lab1", "submission": PROGRAM}).json()
    reasoned = client.post("/grade", json={"lab": "lab1", "submission": PROGRAM, "reasoning": True}).json()
    assert [c["reasoning"] for c in plain["criteria"]] == [None, None]
    assert all(c["reasoning"] for c in reasoned["criteria"])
    assert [c["rating"] for c in plain["criteria"]] == [c["rating"] for c in reasoned["criteria"]]


def test_an_answer_that_cannot_be_read_is_ungraded_and_the_total_a_range(client: TestClient, fake_engine: Any) -> None:
    fake_engine.script = [EngineFailure("the engine gave no answer")]
    body = client.post("/grade", json={"lab": "lab1", "submission": PROGRAM}).json()
    compiles = body["criteria"][0]
    assert (compiles["rating"], compiles["points"], compiles["status"]) == (None, None, "needs_review")
    assert compiles["ungraded"] == "the engine gave no answer"
    assert [rating["probability"] for rating in compiles["ratings"]] == [None, None, None]
    assert (body["points"], body["points_range"], body["max_points"]) == (None, {"low": 1, "high": 3}, 3)


def test_a_wholly_ungraded_submission_is_still_an_answer(client: TestClient) -> None:
    empty = {"files": [{"filename": "main.c", "content": " \n"}]}
    answer = client.post("/grade", json={"lab": "lab1", "submission": empty})
    assert answer.status_code == 200
    assert [c["ungraded"] for c in answer.json()["criteria"]] == ["empty submission"] * 2
    assert answer.json()["points_range"] == {"low": 0, "high": 3}


def test_the_same_program_gets_the_same_hash_whatever_its_line_ends_and_order_of_files(client: TestClient) -> None:
    def hashed(*files: tuple[str, str]) -> str:
        submission = {"files": [{"filename": name, "content": text} for name, text in files]}
        body = client.post("/grade", json={"lab": "lab1", "submission": submission}).json()
        return str(body["provenance"]["submission_hash"])

    one = hashed(("a.c", "int a;\nint b;\n"), ("b.c", "int c;\n"))
    assert one == hashed(("b.c", "\ufeffint c;\r"), ("a.c", "int a;\r\nint b;\n"))
    assert one != hashed(("a.c", "int a;\nint b;\n"), ("b.c", "int d;\n"))


def test_an_unknown_lab_is_named_beside_those_there_are(client: TestClient) -> None:
    for answer in (client.post("/grade", json={"lab": "lab2", "submission": PROGRAM}), client.get("/labs/lab2")):
        errors = problem(answer, 404, "unknown-lab")["errors"]
        assert errors == [{"field": "lab", "found": '"lab2"', "expected": "one of lab1"}]


def test_labs_and_their_rubrics_can_be_read(client: TestClient) -> None:
    listed = client.get("/labs").json()
    assert listed == {"labs": [{"name": "lab1", "language": "C", "criteria": 2, "max_points": 3.0}]}
    body = client.get("/labs/lab1").json()
    assert [c["title"] for c in body["criteria"]] == ["Does it compile?", "Is it readable?"]
    assert body["criteria"][1]["ratings"][0] == {"id": "A", "description": "Yes", "points": 1}
    assert "s000" not in client.get("/labs/lab1").text


@pytest.mark.parametrize(
    ("change", "field", "found"),
    [
        ({"submission": {"files": []}}, "submission.files", "a list of 0"),
        ({"submission": {}}, "submission.files", "nothing"),
        ({"submission": {"files": [{"filename": "a.c"}]}}, "submission.files.0.content", "nothing"),
        ({"submission": {"files": [{"filename": "a.c", "content": 7}]}}, "submission.files.0.content", "7"),
        (
            {"submission": {"files": [{"filename": "a.c", "content": "\ud800"}]}},
            "submission.files.0.content",
            '"\\ud800"',
        ),
        (
            {"submission": {"files": [{"filename": "a.c", "content": "a\0b"}]}},
            "submission.files.0.content",
            '"a\\u0000b"',
        ),
        ({"submission": {"files": PROGRAM["files"] * 2}}, "submission", "an object"),
        ({"criteria": []}, "criteria", "a list of 0"),
        ({"criteria": RUBRIC["criteria"] * 2}, "body", "an object"),
        ({"reasoning": "perhaps"}, "reasoning", '"perhaps"'),
        ({"rubrik": {}}, "rubrik", "an empty object"),
        ({"language": None}, "language", "null"),
        (
            {"criteria": [{"title": "T", "ratings": [{"id": "A"}, {"id": "B", "points": -1}]}]},
            "criteria.0.ratings.1.points",
            "-1",
        ),
    ],
)
def test_a_wrong_field_is_named_with_what_was_found(
    change: dict[str, Any], field: str, found: str, client: TestClient, fake_engine: Any
) -> None:
    answer = client.post(
        "/grade", content=json.dumps({**RUBRIC, **change}), headers={"content-type": "application/json"}
    )
    (error,) = problem(answer, 422, "invalid-request")["errors"]
    assert (error["field"], error["found"]) == (field, found)
    assert error["expected"]
    assert fake_engine.asked == []


def test_every_wrong_field_is_named_at_once(client: TestClient) -> None:
    answer = client.post("/grade", json={"lab": 3, "submission": {"files": [{"name": "x"}]}, "criteria": []})
    fields = {error["field"] for error in problem(answer, 422, "invalid-request")["errors"]}
    names = {"filename", "content", "name"}
    assert fields == {"lab", "criteria", *(f"submission.files.0.{name}" for name in names)}


def refused_at_once(client: TestClient, body: str) -> dict[str, Any]:
    """The problem details of a request that is refused for less than a second of CPU time, in few words."""
    began = time.process_time()
    answer = client.post("/grade", content=body, headers={"content-type": "application/json"})
    assert time.process_time() - began < 1
    assert len(answer.content) < 5000
    return problem(answer, 422, "invalid-request")


@pytest.mark.parametrize("many", [8_000, 1_000_000])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lab": "lab1", "submission": {"files": "MANY"}}, "submission.files"),
        ({**RUBRIC, "criteria": "MANY"}, "criteria"),
        ({**RUBRIC, "criteria": [{"title": "T", "ratings": "MANY"}]}, "criteria.0.ratings"),
    ],
)
def test_a_flood_of_items_is_refused_by_their_number(
    body: dict[str, Any], field: str, many: int, client: TestClient
) -> None:
    flood = json.dumps(body).replace('"MANY"', "[" + "{}," * (many - 1) + "{}]")
    (error,) = refused_at_once(client, flood)["errors"]
    assert (error["field"], error["found"]) == (field, f"a list of {many}")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"MANY": 1}, "body"),
        ({"lab": "lab1", "submission": PROGRAM, "MANY": 1}, "body"),
        ({"lab": "lab1", "submission": {"MANY": 1}}, "submission"),
        ({"lab": "lab1", "submission": {"files": [{"MANY": 1}]}}, "submission.files.0"),
        ({**RUBRIC, "criteria": [{"MANY": 1}]}, "criteria.0"),
        ({**RUBRIC, "criteria": [{"title": "T", "ratings": [{"MANY": 1}]}]}, "criteria.0.ratings.0"),
    ],
)
def test_a_flood_of_fields_is_refused_by_their_number(body: dict[str, Any], field: str, client: TestClient) -> None:
    flood = json.dumps(body).replace('"MANY": 1', ",".join(f'"k{i}":1' for i in range(300_000)))
    (error,) = refused_at_once(client, flood)["errors"]
    assert error["field"] == field
    assert error["expected"].startswith(f"an object of at most {FIELDS} fields")


def test_a_list_is_left_at_its_first_wrong_item(client: TestClient) -> None:
    files = [*PROGRAM["files"], *({"filename": f"{i}.c"} for i in range(400))]
    (error,) = refused_at_once(client, json.dumps({"lab": "lab1", "submission": {"files": files}}))["errors"]
    assert error["field"] == "submission.files.1.content"


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("problem", PROBLEM_CHARS),
        ("criteria.0.description", DESCRIPTION_CHARS),
        ("criteria.0.ratings.1.description", DESCRIPTION_CHARS),
    ],
)
def test_text_is_taken_up_to_its_cap(field: str, most: int, client: TestClient, fake_engine: Any) -> None:
    request = json.loads(json.dumps(RUBRIC))
    *path, name = [int(part) if part.isdecimal() else part for part in field.split(".")]
    part = request
    for step in path:
        part = part[step]
    part[name] = "x" * most
    assert client.post("/grade", json=request).status_code == 200
    fake_engine.asked.clear()
    part[name] += "x"
    (error,) = refused_at_once(client, json.dumps(request))["errors"]
    assert error["field"] == field
    assert error["expected"] == f"String should have at most {most} characters"
    assert fake_engine.asked == []


@pytest.mark.parametrize(
    "name",
    ["../a.c", "/etc/passwd", "a/../../b.c", "C:a.c", "a\\b.c", "a\nb.c", "a//b.c", "", ".", "\u202ea.c", "x" * 256],
)
def test_a_file_name_that_could_leave_the_submission_is_refused(name: str, client: TestClient) -> None:
    files = [{"filename": name, "content": "int main(void) {}"}]
    answer = client.post("/grade", json={"lab": "lab1", "submission": {"files": files}})
    (error,) = problem(answer, 422, "invalid-request")["errors"]
    assert error["field"] == "submission.files.0.filename"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"lab": NaN}', b"9" * 5000])
def test_a_body_that_is_no_request_is_a_problem(body: bytes, client: TestClient) -> None:
    answer = client.post("/grade", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_another_type_is_a_problem(client: TestClient) -> None:
    answer = client.post("/grade", content=b"lab=lab1", headers={"content-type": "text/plain"})
    (error,) = problem(answer, 422, "invalid-request")["errors"]
    assert error["found"] == "8 bytes that are not JSON"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.sampled_from([*RUBRIC, "lab", "reasoning", "", "x"]), value=JSON)
def test_any_json_in_any_field_gets_an_answer_or_a_problem(part: str, value: Any, client: TestClient) -> None:
    body = json.dumps({**RUBRIC, part: value})
    answer = client.post("/grade", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 404, 422), answer.text
    answer.json()


def test_what_is_too_large_is_refused_by_name(client: TestClient, fake_engine: Any) -> None:
    big = {"files": [{"filename": "big.c", "content": "x" * (LIMITS.source_bytes + 1)}]}
    (error,) = problem(client.post("/grade", json={**RUBRIC, "submission": big}), 413, "too-large")["errors"]
    assert error["found"] == f'{LIMITS.source_bytes + 1} bytes in "big.c"'
    full = "x" * LIMITS.source_bytes
    many = {"files": [{"filename": f"{i}.c", "content": full} for i in range(6)]}
    (error,) = problem(client.post("/grade", json={**RUBRIC, "submission": many}), 413, "too-large")["errors"]
    assert error["expected"] == f"at most {LIMITS.submission_bytes} bytes"
    assert fake_engine.asked == []


def test_a_body_past_the_cap_is_refused_whether_it_says_its_length_or_not(client: TestClient) -> None:
    body = b" " * (BODY_BYTES + 1)
    json_type = {"content-type": "application/json"}
    chunks = (body[i : i + 1_000_000] for i in range(0, len(body), 1_000_000))
    for content in (body, chunks):
        (error,) = problem(client.post("/grade", content=content, headers=json_type), 413, "too-large")["errors"]
        assert error["field"] == "body"


def test_a_program_that_no_model_here_could_read_is_refused(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab], store: Any
) -> None:
    engine = EngineThread(lambda: fake_grader)
    with TestClient(create_app(engine, LabRegistry([make_lab()]), store, characters=1000)) as client:
        long = {"files": [{"filename": "main.c", "content": "x" * 1000}]}
        (error,) = problem(client.post("/grade", json={"lab": "lab1", "submission": long}), 413, "too-large")["errors"]
        assert error["expected"] == "at most 1000 characters"
        assert client.post("/grade", json={"lab": "lab1", "submission": PROGRAM}).status_code == 200
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


def test_an_engine_that_breaks_is_a_503_with_a_time_to_come_again(
    client: TestClient, fake_engine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError("on the student's line secret_variable")

    fake_engine.answer = broken
    with caplog.at_level(logging.INFO, logger="grader.access"):
        answer = client.post("/grade", json={"lab": "lab1", "submission": PROGRAM})
    problem(answer, 503, "engine-down")
    assert int(answer.headers["retry-after"]) >= 1
    assert "secret" not in caplog.text + answer.text
    assert "RuntimeError" in caplog.text


def test_a_full_queue_and_a_slow_engine_are_503s(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab], store: Any
) -> None:
    go, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if go.wait(5) else None
    engine = EngineThread(lambda: fake_grader, waiting=0)
    with TestClient(create_app(engine, LabRegistry([make_lab()]), store)) as client:
        answer = client.post("/grade", json={"lab": "lab1", "submission": PROGRAM})
        problem(answer, 503, "queue-full")
        assert int(answer.headers["retry-after"]) >= 1
    slow = EngineThread(lambda: fake_grader)
    with TestClient(create_app(slow, LabRegistry([make_lab()]), store, seconds=0.05)) as client:
        problem(client.post("/grade", json={"lab": "lab1", "submission": PROGRAM}), 503, "too-slow")
        go.set()


def test_it_is_ready_only_while_the_model_scores(client: TestClient, fake_engine: Any) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError

    works, fake_engine.answer = fake_engine.answer, broken
    assert client.get("/healthz").json() == {"status": "alive"}
    problem(client.get("/readyz"), 503, "engine-down")
    fake_engine.answer = lambda _: EngineFailure("no answer")
    problem(client.get("/readyz"), 503, "not-ready")
    fake_engine.answer = works
    assert client.get("/readyz").json() == {"status": "ready"}
    calls = len(fake_engine.asked)
    assert client.get("/readyz").status_code == 200
    assert len(fake_engine.asked) == calls


def test_a_log_line_names_the_request_and_nothing_of_the_student(
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


def test_unknown_routes_and_methods_are_problems_too(client: TestClient) -> None:
    problem(client.get("/nowhere"), 404, "not-found")
    problem(client.get("/grade"), 405, "method-not-allowed")


def test_an_unexpected_fault_is_a_problem_without_its_text(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("serving.api.grading_routes.rubric", fails)
    answer = client.get("/labs/lab1")
    problem(answer, 500, "internal-error")
    assert "secret" not in answer.text + caplog.text


def test_the_openapi_description_has_a_valid_example_for_every_operation(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    operations = [(path, method) for path, methods in described["paths"].items() for method in methods]
    assert len(operations) == 17
    for path, method in operations:
        operation = described["paths"][path][method]
        for status, answer in operation["responses"].items():
            for content in answer["content"].values():
                assert content["schema"]
                assert "example" in content, (path, status)
    body = described["paths"]["/grade"]["post"]["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == {"registered lab", "inline rubric"}
    assert "FieldProblem" in described["components"]["schemas"]


def test_the_examples_are_what_the_service_takes_and_gives(client: TestClient) -> None:
    assert client.post("/grade", json=BY_RUBRIC).status_code == 200
    assert client.post("/grade", json={**BY_LAB, "lab": "lab1"}).status_code == 200
    told = ((GradeResponse, ANSWER), (LabList, LAB_LIST), (LabRubric, LAB_RUBRIC), (JobOut, JOB))
    kept = ((JobComparison, COMPARISON), (GradeHistory, HISTORY), (OverrideOut, OVERRIDE), (Result, RESULT))
    for model, example in (*told, *kept):
        assert model.model_validate_json(json.dumps(example)).model_dump(mode="json") == example


def test_a_client_that_goes_while_it_waits_is_never_graded(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab], store: Any
) -> None:
    go, busy, first_letter = threading.Event(), threading.Event(), fake_engine.answer

    def slowly(request: Any) -> Any:
        busy.set()
        assert go.wait(5)
        return first_letter(request)

    fake_engine.answer = slowly
    engine, lab = EngineThread(lambda: fake_grader), make_lab()
    app = create_app(engine, LabRegistry([lab]), store)
    running = engine.submit(lab, lab.submissions[0])
    assert busy.wait(5)

    async def goes_then_the_engine_works_on() -> None:
        assert await posted_and_gone(app, {"lab": "lab1", "submission": PROGRAM}) == 499
        go.set()
        await asyncio.wrap_future(running)
        await asyncio.to_thread(engine.close)

    asyncio.run(goes_then_the_engine_works_on())
    assert len(fake_engine.asked) == 1


async def posted_and_gone(app: Any, body: dict[str, Any]) -> int:
    """Posts to `/grade`, closes the connection, and returns the status of the answer that nobody reads."""
    sent: list[dict[str, Any]] = []
    messages = [{"type": "http.request", "body": json.dumps(body).encode()}, {"type": "http.disconnect"}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/grade",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 3)
    return int(sent[0]["status"])
