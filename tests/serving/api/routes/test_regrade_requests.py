"""Regrade requests over the API: a platform submits, a TA lists and answers, other courses see nothing."""

from typing import Any

import pytest

from serving.api.schemas.examples import BY_LAB

GRADE = {**BY_LAB, "lab": "lab1", "student": "s001"}
COMPILES = "Does it compile?"
REQUEST = {"criterion": COMPILES, "text": "It does."}


@pytest.fixture
def client(course: Any) -> Any:
    course.key("admin")  # from now on keys are required
    with course.serve() as client:
        yield client


@pytest.fixture
def grade_id(client: Any, course: Any) -> str:
    return str(client.post("/grade", json=GRADE, headers=course.key("platform")).json()["grade_id"])


def test_a_request_is_submitted_listed_granted_and_in_the_history(client: Any, course: Any, grade_id: str) -> None:
    platform, ta = course.key("platform"), course.key("ta")
    made = client.post(f"/grades/{grade_id}/regrade-requests", json=REQUEST, headers=platform)
    assert made.status_code == 201
    opened = made.json()
    assert (opened["state"], opened["student"], opened["answer"]) == ("open", "s001", None)
    assert client.get("/regrade-requests?state=open", headers=ta).json() == {"requests": [opened], "next": None}
    answer = {"rating": "B", "text": "With a warning."}
    answered = client.post(f"/regrade-requests/{opened['id']}/answer", json=answer, headers=ta).json()
    assert answered["answer"] | {"at": "", "by": ""} == {"at": "", "by": "", "resolution": "granted", **answer}
    history = client.get(f"/grades/{grade_id}", headers=ta).json()
    assert history["regrade_requests"] == [answered] and history["ratings"][COMPILES] == "B"
    assert history["overrides"][0]["why"] == "With a warning."
    assert client.get(f"/regrade-requests/{opened['id']}", headers=platform).json() == answered


def test_states_are_problems_with_a_code(client: Any, course: Any, problem: Any, grade_id: str) -> None:
    platform, ta = course.key("platform"), course.key("ta")
    path = f"/grades/{grade_id}/regrade-requests"
    opened = client.post(path, json=REQUEST, headers=platform).json()
    problem(client.post(path, json=REQUEST, headers=platform), "regrade-request-open")
    client.post(f"/regrade-requests/{opened['id']}/answer", json={}, headers=ta)
    problem(client.post(f"/regrade-requests/{opened['id']}/answer", json={}, headers=ta), "regrade-request-answered")
    for wrong, field in (({"criterion": COMPILES, "text": ""}, "text"), ({"text": "x"}, "criterion")):
        body = problem(client.post(path, json=wrong, headers=platform), "invalid-request")
        assert body["errors"][0]["field"] == field
    problem(client.post(path, json={**REQUEST, "criterion": "Fast?"}, headers=platform), "not-found")


def test_a_repeated_request_with_its_key_is_recorded_once(client: Any, course: Any, grade_id: str) -> None:
    headers = {**course.key("platform"), "Idempotency-Key": "k1"}
    answers = [client.post(f"/grades/{grade_id}/regrade-requests", json=REQUEST, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json() and answers[1].status_code == 201


def test_roles_and_courses_are_separate(client: Any, course: Any, problem: Any, grade_id: str) -> None:
    platform = course.key("platform")
    made = client.post(f"/grades/{grade_id}/regrade-requests", json=REQUEST, headers=platform).json()
    problem(client.get("/regrade-requests", headers=platform), "insufficient-role")
    problem(client.post(f"/regrade-requests/{made['id']}/answer", json={}, headers=platform), "insufficient-role")
    with course.serve(name="cs102") as other:
        key = course.key("ta", "cs102")
        problem(other.get(f"/regrade-requests/{made['id']}", headers=key), "not-found")
        problem(other.post(f"/regrade-requests/{made['id']}/answer", json={}, headers=key), "not-found")
        assert other.get("/regrade-requests", headers=key).json()["requests"] == []


def test_pages_of_the_queue(client: Any, course: Any) -> None:
    ta = course.key("admin")
    for name in ("s001", "s002", "s003"):
        grade_id = client.post("/grade", json={**GRADE, "student": name}, headers=ta).json()["grade_id"]
        client.post(f"/grades/{grade_id}/regrade-requests", json=REQUEST, headers=ta)
    first = client.get("/regrade-requests?limit=2", headers=ta).json()
    rest = client.get(f"/regrade-requests?limit=2&after={first['next']}", headers=ta).json()
    assert [each["student"] for each in first["requests"] + rest["requests"]] == ["s001", "s002", "s003"]
    assert rest["next"] is None


def test_a_forgotten_student_has_no_requests(client: Any, course: Any, problem: Any, grade_id: str) -> None:
    admin = course.key("admin")
    made = client.post(f"/grades/{grade_id}/regrade-requests", json=REQUEST, headers=admin).json()
    course.store.forget_student("s001", actor="admin")
    problem(client.get(f"/regrade-requests/{made['id']}", headers=admin), "student-forgotten")
    assert client.get("/regrade-requests", headers=admin).json()["requests"] == []
    assert client.get(f"/grades/{grade_id}", headers=admin).json()["regrade_requests"] == []


def test_a_student_link_needs_a_ta_to_show_more_than_released(
    client: Any, course: Any, problem: Any, grade_id: str
) -> None:
    platform, ta = course.key("platform"), course.key("ta")
    path = f"/grades/{grade_id}/student-links"
    made = client.post(path, json={"days": 2}, headers=platform)
    assert made.status_code == 201 and made.json()["path"].startswith("/app/feedback?link=")
    for more in ({"include_review": True}, {"probabilities": True}):
        problem(client.post(path, json=more, headers=platform), "insufficient-role")
        assert client.post(path, json=more, headers=ta).status_code == 201
    problem(client.post(path, json={"days": 0}, headers=ta), "invalid-request")
    problem(client.post("/grades/unknown/student-links", json={}, headers=ta), "not-found")
