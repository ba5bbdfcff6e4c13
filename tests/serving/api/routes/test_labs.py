"""The registered labs and their rubrics."""

from typing import Any

from starlette.testclient import TestClient

from serving.api.schemas.examples import BY_LAB


def test_an_unknown_lab_is_a_404_that_lists_the_known_ones(problem: Any, client: TestClient) -> None:
    for answer in (client.post("/grade", json={**BY_LAB, "lab": "lab2"}), client.get("/labs/lab2")):
        errors = problem(answer, "unknown-lab")["errors"]
        assert errors == [{"field": "lab", "found": '"lab2"', "expected": "one of lab1", "hint": errors[0]["hint"]}]
        assert "Did you mean 'lab1'?" in errors[0]["hint"]


def test_labs_have_the_warnings_of_their_submissions_and_tables(course: Any) -> None:
    with course.serve() as client:
        assert client.get("/labs").json()["labs"][0]["warnings"] == []
        (course.labs / "lab1" / "submissions" / "s000@course" / "main.c").unlink()
        with (course.labs / "lab1" / "rubric_ratings.csv").open("a") as table:
            table.write("s009@course,1,0,0,1,0\n")
        [lab] = client.get("/labs").json()["labs"]
        counts = {each["code"]: each["count"] for each in lab["warnings"]}
        assert counts == {"no-program": 1, "student-without-submission": 1, "unreadable-submissions": 1}
        assert client.get("/labs/lab1").json()["warnings"] == lab["warnings"]
        (course.labs / "lab1" / "rubrics.json").write_text("{")
        assert client.get("/labs").json()["labs"][0]["warnings"] == []


def test_labs_and_their_rubrics_are_listed(client: TestClient) -> None:
    listed = client.get("/labs").json()
    assert listed == {"labs": [{"name": "lab1", "language": "C", "criteria": 2, "max_points": 3.0, "warnings": []}]}
    body = client.get("/labs/lab1").json()
    assert [c["title"] for c in body["criteria"]] == ["Does it compile?", "Is it readable?"]
    assert body["criteria"][1]["ratings"][0] == {"id": "A", "description": "Yes", "points": 1}
    assert "s000" not in client.get("/labs/lab1").text
