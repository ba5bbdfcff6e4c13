"""`POST /grade` returns every criterion with its rating, or the reason why it is ungraded."""

import math
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.api.schemas.examples import BY_LAB, SUBMISSION
from serving.engines.engine import EngineFailure, LabelScores

GRADE = {**BY_LAB, "lab": "lab1"}
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
    "submission": SUBMISSION,
}


def test_a_submission_to_a_registered_lab_is_graded(client: TestClient, fake_engine: Any) -> None:
    fake_engine.script = [LabelScores((math.log(0.4), math.log(0.05), math.log(0.05)))]
    answer = client.post("/grade", json=GRADE)
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


def test_an_inline_rubric_is_graded_and_its_ids_are_returned(client: TestClient) -> None:
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


def test_reasoning_is_returned_only_on_request(client: TestClient) -> None:
    plain = client.post("/grade", json=GRADE).json()
    reasoned = client.post("/grade", json={**GRADE, "reasoning": True}).json()
    assert [c["reasoning"] for c in plain["criteria"]] == [None, None]
    assert all(c["reasoning"] for c in reasoned["criteria"])
    assert [c["rating"] for c in plain["criteria"]] == [c["rating"] for c in reasoned["criteria"]]


def test_a_failed_criterion_is_ungraded_and_the_total_a_range(client: TestClient, fake_engine: Any) -> None:
    fake_engine.script = [EngineFailure("the engine gave no answer")]
    body = client.post("/grade", json=GRADE).json()
    compiles = body["criteria"][0]
    assert (compiles["rating"], compiles["points"], compiles["status"]) == (None, None, "needs_review")
    assert compiles["ungraded"] == "the engine gave no answer"
    assert [rating["probability"] for rating in compiles["ratings"]] == [None, None, None]
    assert (body["points"], body["points_range"], body["max_points"]) == (None, {"low": 1, "high": 3}, 3)


def test_a_submission_without_graded_criteria_is_a_200(client: TestClient) -> None:
    empty = {"files": [{"filename": "main.c", "content": " \n"}]}
    answer = client.post("/grade", json={"lab": "lab1", "submission": empty})
    assert answer.status_code == 200
    assert [c["ungraded"] for c in answer.json()["criteria"]] == ["empty submission"] * 2
    assert answer.json()["points_range"] == {"low": 0, "high": 3}


def test_line_endings_and_file_order_do_not_change_the_hash(client: TestClient) -> None:
    def hashed(*files: tuple[str, str]) -> str:
        submission = {"files": [{"filename": name, "content": text} for name, text in files]}
        body = client.post("/grade", json={"lab": "lab1", "submission": submission}).json()
        return str(body["provenance"]["submission_hash"])

    one = hashed(("a.c", "int a;\nint b;\n"), ("b.c", "int c;\n"))
    assert one == hashed(("b.c", "\ufeffint c;\r"), ("a.c", "int a;\r\nint b;\n"))
    assert one != hashed(("a.c", "int a;\nint b;\n"), ("b.c", "int d;\n"))


OBSERVED = {
    "source": "gradescope",
    "results": [
        {"check": "build", "kind": "build", "outcome": "passed"},
        {"check": "zero", "kind": "test", "outcome": "failed", "input": "0", "expected": "0", "actual": "1"},
    ],
}


def test_observations_reach_the_prompt_the_grade_and_its_provenance(client: TestClient, fake_engine: Any) -> None:
    plain = client.post("/grade", json=GRADE).json()
    body = client.post("/grade", json={**GRADE, "observations": OBSERVED}).json()
    evidence = body["criteria"][0]["evidence"]
    assert [(each["check"], each["outcome"]) for each in evidence] == [("zero", "failed"), ("build", "passed")]
    hashes = [answer["provenance"]["observations_hash"] for answer in (plain, body)]
    assert hashes[0] is None and len(hashes[1]) == 64
    first, second = (call[0].prompt for call in fake_engine.calls)
    assert first != second and plain["criteria"][0]["evidence"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"results": []},
        {"results": OBSERVED["results"] * 2},
        {"results": [{"check": "a", "kind": "test", "outcome": "great"}]},
        {"results": [{"check": "a", "kind": "test", "outcome": "passed", "x": 1}]},
        {"results": [{"check": f"t{i}", "kind": "test", "outcome": "passed"} for i in range(501)]},
        {"source": "Not A Tag", "results": OBSERVED["results"]},
    ],
)
def test_invalid_observations_are_refused(client: TestClient, wrong: dict[str, Any]) -> None:
    answer = client.post("/grade", json={**GRADE, "observations": wrong})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"].startswith("observations")


def test_observations_decide_a_criterion_of_an_inline_rubric(client: TestClient, fake_engine: Any) -> None:
    rules = [{"rating": "yes", "all_passed": ["build"]}, {"rating": "no"}]
    criteria = [RUBRIC["criteria"][0] | {"decided_by": rules}]  # type: ignore[index, operator]
    body = client.post("/grade", json={**RUBRIC, "criteria": criteria, "observations": OBSERVED}).json()
    [criterion] = body["criteria"]
    assert (criterion["rating"]["id"], criterion["decided"], criterion["points"]) == ("yes", True, 2.5)
    assert [each["check"] for each in criterion["evidence"]] == ["build"] and fake_engine.calls == []
    wrong = [RUBRIC["criteria"][0] | {"decided_by": [{"rating": "maybe"}]}]  # type: ignore[index, operator]
    assert client.post("/grade", json={**RUBRIC, "criteria": wrong}).status_code == 422
