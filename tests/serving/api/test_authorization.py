"""Every route declares who may call it, and a key allows what its role and its course allow."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from serving.api.authorization import AuthorizedRoute, Public, Requires, RequiresOperator, TaCaller, platform
from serving.api.schemas.examples import BY_LAB
from serving.observability.telemetry import Telemetry
from serving.store.access.roles import Role
from serving.store.errors import StoreError

GRADE = {**BY_LAB, "lab": "lab1"}


def unclassified(app: FastAPI) -> list[str]:
    """The paths of routes without a dependency that declares who may call them."""
    declared = Requires | RequiresOperator | Public
    return [
        getattr(route, "path", repr(route))
        for route in app.routes
        if not isinstance(route, APIRoute)
        or not any(isinstance(each.call, declared) for each in route.dependant.dependencies)
    ]


def test_every_route_declares_its_access(course: Any) -> None:
    assert unclassified(course.serve().app) == []


def test_an_undeclared_route_is_found(course: Any) -> None:
    app: FastAPI = course.serve().app
    app.get("/secret")(lambda: "all grades")
    app.mount("/files", FastAPI())
    assert unclassified(app) == ["/secret", "/files"]


def test_every_keyed_route_authorizes_before_the_body(course: Any) -> None:
    for route in course.serve().app.routes:
        if any(isinstance(each.call, Requires) for each in route.dependant.dependencies):
            assert isinstance(route, AuthorizedRoute), route.path


def test_a_route_with_two_roles_requires_both(course: Any, problem: Any) -> None:
    router = APIRouter(dependencies=[platform], route_class=AuthorizedRoute)

    @router.get("/both")
    async def both(caller: TaCaller) -> str:
        return caller.role

    course.key("ta")
    served = course.serve()
    served.app.include_router(router)
    with served as client:
        problem(client.get("/both", headers=course.key("platform")), "insufficient-role")
        assert client.get("/both", headers=course.key("ta")).json() == "ta"


def test_without_keys_every_request_is_allowed(course: Any) -> None:
    with course.serve() as client:
        assert client.post("/grade", json=GRADE).status_code == 200
        assert client.get("/jobs").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs/swagger-ui.css"])
def test_public_routes_need_no_key(path: str, course: Any) -> None:
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
def test_access_by_role(role: str, method: str, path: str, status: int, course: Any) -> None:
    headers = course.key(role)
    with course.serve() as client:
        response = client.request(method, path, headers=headers, json=GRADE if method == "POST" else None)
        assert response.status_code == status, response.text


def test_missing_unknown_revoked_and_other_courses_keys_are_refused(course: Any, problem: Any) -> None:
    token, key = course.store.create_key("old", Role.TA, None, actor="test")
    course.store.revoke_key(key.id, actor="test")
    with course.serve() as client:  # with every key revoked, the service still requires one
        for headers in ({}, {"Authorization": "Bearer grader_x"}, {"Authorization": f"Bearer {token}"}):
            response = client.post("/grade", json=GRADE, headers=headers)
            assert problem(response, "invalid-key") and response.headers["www-authenticate"] == "Bearer"
        problem(client.post("/grade", json=GRADE, headers=course.key("admin", "cs102")), "wrong-course")
        assert client.post("/grade", json=GRADE, headers=course.key("platform", None)).status_code == 200


def test_revocation_is_immediate(course: Any) -> None:
    token, key = course.store.create_key("ta", Role.TA, None, actor="test")
    headers = {"Authorization": f"Bearer {token}"}
    with course.serve() as client:
        assert client.get("/jobs", headers=headers).status_code == 200
        course.store.revoke_key(key.id, actor="test")
        assert client.get("/jobs", headers=headers).status_code == 401


def test_each_key_has_its_own_rate_limit_with_retry_after(course: Any, problem: Any) -> None:
    one, other = course.key("ta"), course.key("ta")
    with course.serve(rate="2/hour") as client:
        assert [client.get("/labs", headers=one).status_code for _ in range(2)] == [200, 200]
        response = client.get("/labs", headers=one)
        problem(response, "rate-limited")
        assert 3590 <= int(response.headers["retry-after"]) <= 3600
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
def test_metrics_are_for_local_clients_and_admins(
    address: str, headers: dict[str, str], status: int, course: Any
) -> None:
    ta, admin = course.key("ta"), course.key("admin")
    served = course.serve(telemetry=Telemetry())
    with TestClient(served.app, "http://localhost", client=(address, 50000)) as client:
        assert unclassified(served.app) == []
        assert client.get("/metrics", headers=headers).status_code == status
        if status == 401:
            assert client.get("/metrics", headers={**headers, **ta}).status_code == 403
            assert client.get("/metrics", headers={**headers, **admin}).status_code == 200


def test_the_docs_page_loads_nothing_from_other_hosts(course: Any) -> None:
    with course.serve() as client:
        page = client.get("/docs").text
        assert "http://" not in page and "https://" not in page
        assert len(client.get("/docs/swagger-ui-bundle.js").content) > 100_000
        assert client.get("/docs/../app.py").status_code == 404
        assert client.get("/docs/consts.py").status_code == 422


def post_unread(app: Any, path: str, *headers: tuple[bytes, bytes]) -> Any:
    """Posts a body that must not be read; returns the response."""
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(b"content-type", b"application/json"), (b"content-length", b"1000"), *headers]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": given}
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 5))
    return sent


@pytest.mark.parametrize("path", ["/grade", "/grades/1/overrides", "/labs/lab1/regrade", "/jobs/1/pause"])
@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer grader_x")], [(b"authorization", b"Basic x")]])
def test_the_body_of_an_unauthenticated_request_is_not_read(
    path: str, headers: list[tuple[bytes, bytes]], course: Any
) -> None:
    course.key("ta")
    start, body = post_unread(course.serve().app, path, *headers)
    assert (start["status"], json.loads(body["body"])["code"]) == (401, "invalid-key")


def test_a_key_is_looked_up_once_per_request(course: Any) -> None:
    headers, lookups, find = course.key("platform"), [], course.store.find_key
    course.store.find_key = lambda token: (lookups.append(token), find(token))[1]
    with course.serve() as client:
        assert client.post("/grade", json=GRADE, headers=headers).status_code == 200
    assert len(lookups) == 1


def test_an_unavailable_store_is_reported_before_the_body_is_read(course: Any) -> None:
    def unavailable(_: str) -> None:
        raise StoreError("unavailable")

    course.key("platform")
    course.store.find_key = unavailable
    start, body = post_unread(course.serve().app, "/grade", (b"authorization", b"Bearer grader_x"))
    assert (start["status"], json.loads(body["body"])["code"]) == (503, "store-unavailable")
