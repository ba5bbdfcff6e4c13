"""A rejected or too small model affects only its own course."""

from typing import Any

from serving.api.schemas.examples import BY_LAB, SUBMISSION

GRADE = {**BY_LAB, "lab": "lab1"}


def test_a_rejected_model_affects_only_its_course(department: Any, ratings: Any, problem: Any) -> None:
    one, two = department.key("cs101"), department.key("cs102")
    department.damaged.add("0")
    with department.serve() as client:
        refused = client.post("/grade", json=GRADE, headers=one)
        detail = problem(refused, "model-rejected")["detail"]
        assert "changed: weights" in detail and str(department.folder) not in refused.text
        assert int(refused.headers["retry-after"]) == 30
        assert client.get("/labs", headers=one).status_code == 200
        assert client.get("/readyz").status_code == 200
        assert ratings(client.post("/grade", json=GRADE, headers=two)) == ["B"]
        department.damaged.clear()
        department.add("cs101", "0")
        inline = {"problem": "p", "language": "C", "submission": SUBMISSION}
        inline["criteria"] = [{"title": "t", "ratings": [{"id": "A", "points": 1}, {"id": "B", "points": 0}]}]
        assert ratings(client.post("/grade", json=inline, headers=one)) == ["A"]


def test_not_ready_if_no_courses_model_can_be_loaded(department: Any, problem: Any) -> None:
    department.damaged |= {"0", "1"}
    with department.serve() as client:
        problem(client.get("/readyz"), "model-rejected")
        department.damaged.discard("1")
        department.add("cs102", "1")
        assert client.get("/readyz").status_code == 200


def test_overlong_program_is_refused_with_or_without_a_loaded_model(
    department: Any, ratings: Any, problem: Any
) -> None:
    department.context_length = 2000
    long = {"lab": "lab1", "submission": {"files": [{"filename": "main.c", "content": "q9" * 20_000}]}}
    key = department.key("cs101")
    with department.serve() as client:
        problem(client.post("/grade", json=long, headers=key), "too-large")
        assert department.engine._models.loaded == {}
        assert ratings(client.post("/grade", json=GRADE, headers=key)) == ["A", "A"]
        problem(client.post("/grade", json=long, headers=key), "too-large")
