"""An invalid request is refused with its wrong fields, cheaply."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from serving.api.schemas.examples import BY_RUBRIC, SUBMISSION
from serving.api.schemas.expectations import expected
from serving.api.schemas.parts import LIMITS


@pytest.mark.parametrize(
    ("change", "field", "found"),
    [
        ({"submission": {"files": []}}, "submission.files", "a list of 0"),
        ({"submission": {}}, "submission", "an empty object"),
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
        ({"submission": {"files": SUBMISSION["files"] * 2}}, "submission", "an object"),
        ({"criteria": []}, "criteria", "a list of 0"),
        ({"criteria": BY_RUBRIC["criteria"] * 2}, "body", "an object"),
        ({"reasoning": "perhaps"}, "reasoning", '"perhaps"'),
        ({"rubrik": {}}, "rubrik", "an empty object"),
        ({"student": " anonymous 2026-11"}, "student", '" anonymous 2026-11"'),  # the store's name for anonymous work
        ({"language": None}, "language", "null"),
        (
            {"criteria": [{"title": "T", "ratings": [{"id": "A"}, {"id": "B", "points": -1000001}]}]},
            "criteria.0.ratings.1.points",
            "-1000001",
        ),
    ],
)
def test_an_invalid_field_is_reported_with_its_value(
    problem: Any, change: dict[str, Any], field: str, found: str, client: TestClient, fake_engine: Any
) -> None:
    answer = client.post(
        "/grade", content=json.dumps({**BY_RUBRIC, **change}), headers={"content-type": "application/json"}
    )
    (error,) = problem(answer, "invalid-request")["errors"]
    assert (error["field"], error["found"]) == (field, found)
    assert error["expected"] and error["hint"]
    assert fake_engine.calls == []


PYDANTIC = re.compile("nput should|String should|[Vv]alid |[Ff]ield required|Value error|should have|Expecting")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_problem_has_words_of_pydantic(client: TestClient, data: st.DataObject) -> None:
    values = st.sampled_from([None, True, -1, 1e400, 0.5, "", "x", "x" * 600, [], [0], ["", 1], {}, {"a": 1}])
    request = json.loads(json.dumps(BY_RUBRIC | data.draw(st.sampled_from([{}, {"lab": "lab1"}]))))
    places = data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=3))
    for place in places:
        parts = list(containers(request))
        part, key = parts[place % len(parts)]
        part[key] = json.loads(json.dumps(data.draw(values)))
    answer = client.post("/grade", content=json.dumps(request), headers={"content-type": "application/json"})
    for error in answer.json().get("errors", ()):
        assert not PYDANTIC.search(error["found"] + error["expected"]), error
        assert error["expected"] != expected("unknown", {}), error


def containers(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value that can be replaced."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from containers(value[key])


def test_wrong_parameters_and_broken_json_are_described_without_pydantics_words(
    problem: Any, client: TestClient
) -> None:
    (error,) = problem(client.get("/jobs?limit=many"), "invalid-request")["errors"]
    assert (error["field"], error["expected"]) == ("query.limit", "a whole number")
    broken = client.post("/grade", content=b'{"lab": "lab1",, }', headers={"content-type": "application/json"})
    (error,) = problem(broken, "invalid-request")["errors"]
    assert (error["field"], error["expected"]) == ("body", "a body in JSON") and "character 15" in error["found"]


def test_a_misspelt_field_is_recognised(problem: Any, client: TestClient) -> None:
    answer = client.post("/grade", json={**BY_RUBRIC, "submissions": {}})
    (error,) = problem(answer, "invalid-request")["errors"]
    assert "Did you mean 'submission'?" in error["hint"]


def test_all_invalid_fields_are_reported_together(problem: Any, client: TestClient) -> None:
    answer = client.post("/grade", json={"lab": 3, "submission": {"files": [{"name": "x"}]}, "criteria": []})
    fields = {error["field"] for error in problem(answer, "invalid-request")["errors"]}
    names = {"filename", "content", "name"}
    assert fields == {"lab", "criteria", *(f"submission.files.0.{name}" for name in names)}


MANY = 50_000


def refused_at_once(problem: Any, client: TestClient, body: str) -> dict[str, Any]:
    """The problem details of a request that is refused within a second of CPU time, in a short response."""
    began = time.process_time()
    answer = client.post("/grade", content=body, headers={"content-type": "application/json"})
    assert time.process_time() - began < 1
    assert len(answer.content) < 5000
    return problem(answer, "invalid-request")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lab": "lab1", "submission": {"files": "MANY"}}, "submission.files"),
        ({**BY_RUBRIC, "criteria": "MANY"}, "criteria"),
        ({**BY_RUBRIC, "criteria": [{"title": "T", "ratings": "MANY"}]}, "criteria.0.ratings"),
    ],
)
def test_too_many_items_are_refused_unparsed(
    problem: Any, body: dict[str, Any], field: str, client: TestClient
) -> None:
    flood = json.dumps(body).replace('"MANY"', "[" + "{}," * (MANY - 1) + "{}]")
    (error,) = refused_at_once(problem, client, flood)["errors"]
    assert (error["field"], error["found"]) == (field, f"a list of {MANY}")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"MANY": 1}, "body"),
        ({"lab": "lab1", "submission": SUBMISSION, "MANY": 1}, "body"),
        ({"lab": "lab1", "submission": {"MANY": 1}}, "submission"),
        ({"lab": "lab1", "submission": {"files": [{"MANY": 1}]}}, "submission.files.0"),
        ({**BY_RUBRIC, "criteria": [{"MANY": 1}]}, "criteria.0"),
        ({**BY_RUBRIC, "criteria": [{"title": "T", "ratings": [{"MANY": 1}]}]}, "criteria.0.ratings.0"),
    ],
)
def test_too_many_fields_are_refused_unparsed(
    problem: Any, body: dict[str, Any], field: str, client: TestClient
) -> None:
    flood = json.dumps(body).replace('"MANY": 1', ",".join(f'"k{i}":1' for i in range(MANY)))
    (error,) = refused_at_once(problem, client, flood)["errors"]
    assert error["field"] == field
    assert error["expected"].startswith(f"an object of at most {LIMITS.object_fields} fields")


def test_a_list_is_parsed_up_to_its_first_invalid_item(problem: Any, client: TestClient) -> None:
    files = [*SUBMISSION["files"], *({"filename": f"{i}.c"} for i in range(400))]
    (error,) = refused_at_once(problem, client, json.dumps({"lab": "lab1", "submission": {"files": files}}))["errors"]
    assert error["field"] == "submission.files.1.content"


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("problem", LIMITS.problem_chars),
        ("criteria.0.description", LIMITS.description_chars),
        ("criteria.0.ratings.1.description", LIMITS.description_chars),
    ],
)
def test_text_is_accepted_up_to_its_limit(
    problem: Any, field: str, most: int, client: TestClient, fake_engine: Any
) -> None:
    request = json.loads(json.dumps(BY_RUBRIC))
    *path, name = [int(part) if part.isdecimal() else part for part in field.split(".")]
    part = request
    for step in path:
        part = part[step]
    part[name] = "x" * most
    assert client.post("/grade", json=request).status_code == 200
    fake_engine.calls.clear()
    part[name] += "x"
    (error,) = refused_at_once(problem, client, json.dumps(request))["errors"]
    assert error["field"] == field
    assert error["expected"] == f"text of at most {most} characters"
    assert fake_engine.calls == []


@pytest.mark.parametrize(
    "name",
    ["../a.c", "/etc/passwd", "a/../../b.c", "..\\a.c", "C:a.c", "", ".", "x" * 256],
)
def test_a_file_name_outside_the_submission_is_refused(problem: Any, name: str, client: TestClient) -> None:
    files = [{"filename": name, "content": "int main(void) {}"}]
    answer = client.post("/grade", json={"lab": "lab1", "submission": {"files": files}})
    (error,) = problem(answer, "invalid-request")["errors"]
    assert error["field"] == "submission.files.0.filename"
