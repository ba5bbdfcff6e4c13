"""Who may call what: every route is classified, and a key opens what its role and its course allow."""

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.api.authorization import unclassified
from serving.api.schemas.examples import BY_LAB
from serving.observability.telemetry import Telemetry
from serving.store.roles import Role

GRADE = {**BY_LAB, "lab": "lab1"}


def test_every_route_says_who_may_call_it(course: Any) -> None:
    assert unclassified(course.serve().app) == []


def test_a_route_that_does_not_say_is_found(course: Any) -> None:
    app: FastAPI = course.serve().app
    app.get("/secret")(lambda: "all grades")
    app.mount("/files", FastAPI())
    assert unclassified(app) == ["/secret", "/files"]


def test_without_a_key_in_the_store_all_is_open(course: Any) -> None:
    with course.serve() as client:
        assert client.post("/grade", json=GRADE).status_code == 200
        assert client.get("/jobs").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/swagger-ui.css"])
def test_what_is_public_needs_no_key(path: str, course: Any) -> None:
    course.key("ta")
    with course.serve() as client:
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("platform", "POST", "/grade", 200),
        ("platform", "GET", "/labs", 200),
        ("platform", "POST", "/labs/lab1/regrade", 403),
        ("platform", "GET", "/jobs", 403),
        ("platform", "GET", "/grades/0", 403),
        ("platform", "POST", "/grades/0/overrides", 403),
        ("ta", "POST", "/grade", 200),
        ("ta", "GET", "/jobs", 200),
        ("ta", "GET", "/grades/0", 404),
        ("admin", "GET", "/jobs", 200),
    ],
)
def test_a_role_opens_what_it_says(role: str, method: str, path: str, status: int, course: Any) -> None:
    headers = course.key(role)
    with course.serve() as client:
        answer = client.request(method, path, headers=headers, json=GRADE if method == "POST" else None)
        assert answer.status_code == status, answer.text


def test_no_key_a_wrong_one_a_revoked_one_and_another_courses_are_refused(course: Any) -> None:
    token, key = course.store.create_key("old", Role.TA, None, actor="test")
    course.store.revoke_key(key.id, actor="test")
    with course.serve() as client:  # All keys are revoked: that does not open it.
        for headers in ({}, {"Authorization": "Bearer grader_x"}, {"Authorization": f"Bearer {token}"}):
            answer = client.post("/grade", json=GRADE, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (401, "urn:grader:no-key")
            assert answer.headers["www-authenticate"] == "Bearer"
        answer = client.post("/grade", json=GRADE, headers=course.key("admin", "cs102"))
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:grader:other-course")
        assert client.post("/grade", json=GRADE, headers=course.key("platform", None)).status_code == 200


def test_a_key_that_is_revoked_while_it_is_served_opens_nothing_more(course: Any) -> None:
    token, key = course.store.create_key("ta", Role.TA, None, actor="test")
    headers = {"Authorization": f"Bearer {token}"}
    with course.serve() as client:
        assert client.get("/jobs", headers=headers).status_code == 200
        course.store.revoke_key(key.id, actor="test")
        assert client.get("/jobs", headers=headers).status_code == 401


def test_each_key_may_call_so_often_and_is_told_when_to_come_again(course: Any) -> None:
    one, other = course.key("ta"), course.key("ta")
    with course.serve(rate="2/hour") as client:
        assert [client.get("/labs", headers=one).status_code for _ in range(2)] == [200, 200]
        answer = client.get("/labs", headers=one)
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:grader:too-often")
        assert 3590 <= int(answer.headers["retry-after"]) <= 3600
        assert client.get("/labs", headers=other).status_code == 200
        assert [client.get("/labs").status_code for _ in range(3)] == [401, 401, 429]
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, 401),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}, 401),
        ("127.0.0.1", {"Host": "evil.example"}, 401),
        ("127.0.0.1", {"Origin": "http://evil.example"}, 401),
    ],
)
def test_the_metrics_are_for_this_machine_and_admins(
    address: str, headers: dict[str, str], status: int, course: Any
) -> None:
    ta, admin = course.key("ta"), course.key("admin")
    served = course.serve(observed=Telemetry())
    with TestClient(served.app, "http://localhost", client=(address, 50000)) as client:
        assert unclassified(served.app) == []
        assert client.get("/metrics", headers=headers).status_code == status
        if status == 401:
            assert client.get("/metrics", headers={**headers, **ta}).status_code == 403
            assert client.get("/metrics", headers={**headers, **admin}).status_code == 200


def test_the_docs_page_loads_nothing_from_elsewhere(course: Any) -> None:
    with course.serve() as client:
        page = client.get("/docs").text
        assert "http://" not in page and "https://" not in page
        assert len(client.get("/docs/swagger-ui-bundle.js").content) > 100_000
        assert client.get("/docs/../app.py").status_code == 404
        assert client.get("/docs/consts.py").status_code == 422
