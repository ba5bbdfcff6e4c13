"""Models of courses that are refused, or too small: what their own course is told, and no other."""

from typing import Any

from serving.api.schemas.examples import BY_LAB, SUBMISSION

GRADE = {**BY_LAB, "lab": "lab1"}


def test_a_refused_model_makes_only_its_course_unavailable_and_names_no_path(
    department: Any, ratings: Any, problem: Any
) -> None:
    one, two = department.key("cs101"), department.key("cs102")
    department.damaged.add("0")
    with department.serve() as client:
        refused = client.post("/grade", json=GRADE, headers=one)
        detail = problem(refused, 503, "model-refused")["detail"]
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


def test_it_is_not_ready_where_no_course_has_a_model_that_can_be_loaded(department: Any, problem: Any) -> None:
    department.damaged |= {"0", "1"}
    with department.serve() as client:
        problem(client.get("/readyz"), 503, "model-refused")
        department.damaged.discard("1")
        department.add("cs102", "1")
        assert client.get("/readyz").status_code == 200


def test_a_program_that_is_too_long_is_refused_before_and_after_its_courses_model_is_loaded(
    department: Any, ratings: Any, problem: Any
) -> None:
    department.context_length = 2000
    long = {"lab": "lab1", "submission": {"files": [{"filename": "main.c", "content": "q9" * 20_000}]}}
    key = department.key("cs101")
    with department.serve() as client:
        problem(client.post("/grade", json=long, headers=key), 413, "too-large")
        assert department.engine._models.loaded == {}
        assert ratings(client.post("/grade", json=GRADE, headers=key)) == ["A", "A"]
        problem(client.post("/grade", json=long, headers=key), 413, "too-large")
