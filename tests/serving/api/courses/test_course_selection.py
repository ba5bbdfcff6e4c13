"""Several courses in one service: the key selects the course's labs and model."""

from collections.abc import Callable
from typing import Any

from labs_schema.models import Lab
from serving.api.schemas.examples import BY_LAB

GRADE = {**BY_LAB, "lab": "lab1"}


def test_each_key_uses_its_own_courses_rubric_and_model(department: Any, ratings: Any, problem: Any) -> None:
    one, two = department.key("cs101"), department.key("cs102")
    with department.serve() as client:
        for _ in range(2):
            assert ratings(client.post("/grade", json=GRADE, headers=one)) == ["A", "A"]
            assert ratings(client.post("/grade", json=GRADE, headers=two)) == ["B"]
        graded = client.post("/grade", json=GRADE, headers=two).json()
        assert graded["provenance"]["model_hash"] == "1" * 64
        assert len(client.get("/labs/lab1", headers=one).json()["criteria"]) == 2
        assert len(client.get("/labs/lab1", headers=two).json()["criteria"]) == 1
        assert client.get(f"/grades/{graded['grade_id']}", headers=one).status_code == 404
        assert client.get(f"/grades/{graded['grade_id']}", headers=two).status_code == 200
        problem(client.post("/grade?course=cs102", json=GRADE, headers=one), "wrong-course")


def test_an_all_courses_key_must_name_the_course(department: Any, ratings: Any, problem: Any) -> None:
    admin = department.key(None, "admin")
    with department.serve() as client:
        errors = problem(client.post("/grade", json=GRADE, headers=admin), "course-required")["errors"]
        found = {"field": "course", "found": "nothing", "expected": "one of cs101, cs102"}
        assert errors == [{**found, "hint": "Add ?course=NAME with one of them."}]
        problem(client.post("/grade?course=cs109", json=GRADE, headers=admin), "course-required")
        for course, expected in (("cs101", ["A", "A"]), ("cs102", ["B"])):
            again = {**admin, "Idempotency-Key": "k1"}
            assert ratings(client.post(f"/grade?course={course}", json=GRADE, headers=again)) == expected
        assert client.get("/metrics", headers={**admin, "X-Forwarded-For": "10.0.0.1"}).status_code == 200


def test_without_keys_a_request_names_one_of_several_courses(department: Any, ratings: Any, problem: Any) -> None:
    with department.serve() as client:
        problem(client.get("/labs"), "course-required")
        assert ratings(client.post("/grade?course=cs102", json=GRADE)) == ["B"]
        department.registry.remove("cs101", actor="test")
        assert ratings(client.post("/grade", json=GRADE)) == ["B"]


def test_courses_can_change_while_they_are_served(
    department: Any, ratings: Any, problem: Any, make_lab: Callable[..., Lab]
) -> None:
    one, two, three = (department.key(f"cs10{i}") for i in (1, 2, 3))
    with department.serve() as client:
        problem(client.post("/grade", json=GRADE, headers=three), "wrong-course")
        department.add("cs103", "2", make_lab(students=0))
        assert ratings(client.post("/grade", json=GRADE, headers=three)) == ["C", "A"]
        assert ratings(client.post("/grade", json=GRADE, headers=one)) == ["A", "A"]
        department.add("cs101", "1", make_lab("lab9", students=0))
        problem(client.post("/grade", json=GRADE, headers=one), "unknown-lab")
        assert ratings(client.post("/grade", json=GRADE | {"lab": "lab9"}, headers=one)) == ["B", "B"]
        department.registry.remove("cs103", actor="test")
        problem(client.post("/grade", json=GRADE, headers=three), "wrong-course")
        assert ratings(client.post("/grade", json=GRADE, headers=two)) == ["B"]
        assert client.get("/readyz").status_code == 200
        admin = department.key(None, "admin")
        text = client.get("/metrics", headers=admin).text
        assert 'grader_stage_seconds_count{course="cs102",stage="total"} 1.0' in text


def test_a_course_with_a_missing_labs_folder_accepts_inline_rubrics(
    department: Any, ratings: Any, problem: Any
) -> None:
    folder = department.courses.course("cs101").folder
    department.courses._known.clear()
    assert folder is not None
    folder.rename(folder.with_name("away"))
    one, two = department.key("cs101"), department.key("cs102")
    with department.serve() as client:
        problem(client.post("/grade", json=GRADE, headers=one), "unknown-lab")
        assert ratings(client.post("/grade", json=GRADE, headers=two)) == ["B"]
        folder.with_name("away").rename(folder)
        assert ratings(client.post("/grade", json=GRADE, headers=one)) == ["A", "A"]
