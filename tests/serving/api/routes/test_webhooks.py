"""Webhooks over the API: roles, courses, secrets that are shown once, and dead messages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from serving.outbound.policy import OutboundPolicy
from serving.store.platforms.webhook_tables import messages
from serving.webhooks.endpoints import EVENTS, Endpoints

URL = "https://bot.example.edu/grader"
Add = Callable[..., Any]


@pytest.fixture
def served(course: Any) -> Any:
    course.key("platform")
    with course.serve() as client:
        yield client


@pytest.fixture
def add(served: Any, course: Any) -> Add:
    """Adds a webhook as an admin of the course, or with other headers; returns the response."""
    admin = course.key("admin")
    return lambda headers=admin, **body: served.post("/webhooks", json={"url": URL, **body}, headers=headers)


def kill(course: Any, webhook: str, number: int = 1) -> None:
    """Gives messages of a webhook up."""
    at = datetime(2026, 10, 1, tzinfo=UTC)
    rows = [
        {
            **{"id": f"msg_{each}", "endpoint": webhook, "subject": f"s{each}", "event": "job.failed", "body": "{}"},
            **{"at": (at + timedelta(seconds=each)).isoformat(), "attempts": 10, "dead_at": "2026", "result": "500"},
        }
        for each in range(number)
    ]
    with course.store.database.writing() as connection:
        connection.execute(insert(messages), rows)


@pytest.mark.parametrize("role", ["platform", "ta"])
def test_only_admins_manage_webhooks(role: str, served: Any, course: Any, problem: Any) -> None:
    for method, path in (
        ("GET", "/webhooks"),
        ("POST", "/webhooks"),
        ("POST", "/webhooks/1/rotate-secret"),
        ("POST", "/webhooks/1/disable"),
        ("POST", "/webhooks/1/enable"),
        ("GET", "/webhooks/1/dead-messages"),
        ("POST", "/webhooks/1/replay"),
    ):
        body = {} if method == "POST" else None
        problem(served.request(method, path, headers=course.key(role), json=body), "insufficient-role")


def test_a_secret_is_returned_once(served: Any, course: Any, add: Add) -> None:
    answer, admin = add(events=["job.failed"]), course.key("admin")
    assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made.pop("secret").startswith("whsec_") and made["events"] == ["job.failed"] and made["course"] == "cs101"
    assert served.get("/webhooks", headers=admin).json() == {"webhooks": [made]}
    rotated = served.post(f"/webhooks/{made['id']}/rotate-secret", headers=admin)
    assert rotated.headers["cache-control"] == "no-store" and rotated.json()["secret"] not in answer.text
    for path in ("disable", "enable"):
        changed = served.post(f"/webhooks/{made['id']}/{path}", headers=admin)
        assert changed.status_code == 200 and "whsec_" not in changed.text
        assert bool(changed.json()["disabled_at"]) == (path == "disable")
    assert "whsec_" not in served.get("/webhooks", headers=admin).text
    assert course.store.verify().faults == ()


def test_an_answer_with_a_secret_is_never_stored(course: Any, add: Add) -> None:
    headers = {**course.key("admin"), "Idempotency-Key": "again"}
    first, second = add(headers), add(headers)
    assert first.json()["id"] != second.json()["id"] and first.json()["secret"] != second.json()["secret"]


def test_without_a_usable_key_nothing_is_added_or_rotated(
    served: Any, course: Any, add: Add, problem: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, admin = add().json(), course.key("admin")
    (tmp_path / "short.key").write_bytes(b"k")
    monkeypatch.setenv("GRADER_SESSION_KEY", str(tmp_path / "short.key"))
    problem(add(), "bad-session-key")
    problem(served.post(f"/webhooks/{made['id']}/rotate-secret", headers=admin), "bad-session-key")
    [listed] = served.get("/webhooks", headers=admin).json()["webhooks"]
    assert listed["fault"]["code"] == "bad-session-key" and "short.key" in listed["fault"]["message"]
    assert listed["fault"]["hint"]
    monkeypatch.delenv("GRADER_SESSION_KEY")
    assert served.get("/webhooks", headers=admin).json()["webhooks"] == [{**listed, "fault": None}]


def test_without_events_all_are_sent(add: Add) -> None:
    assert add().json()["events"] == [*EVENTS]


def test_a_key_reaches_only_the_webhooks_of_its_course(served: Any, course: Any, add: Add, problem: Any) -> None:
    every, admin = course.key("admin", None), course.key("admin")
    of_all, own = add(every, all_courses=True).json(), add().json()
    other, _ = Endpoints(course.store, "test").add(URL, (), "cs102", OutboundPolicy())
    assert of_all["course"] is None
    problem(add(all_courses=True), "wrong-course")
    listed = {name: served.get("/webhooks", headers=key).json() for name, key in (("all", every), ("own", admin))}
    assert [each["id"] for each in listed["all"]["webhooks"]] == [of_all["id"], own["id"]]
    assert [each["id"] for each in listed["own"]["webhooks"]] == [own["id"]]
    for found in (of_all["id"], other.id, "unknown"):
        for action, body in (("rotate-secret", None), ("disable", None), ("enable", None), ("replay", {})):
            problem(served.post(f"/webhooks/{found}/{action}", headers=admin, json=body), "not-found")
        problem(served.get(f"/webhooks/{found}/dead-messages", headers=admin), "not-found")
    assert not Endpoints(course.store, "test").read(other.id).disabled_at


@pytest.mark.parametrize(
    "url",
    [
        "http://bot.example.edu/",
        "https://user:pw@bot.example.edu/",
        "https://bot.example.edu:22/",
        "https://bot.example.edu:port/",
        "ftp://bot.example.edu/",
        "https://[::1/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://bot.example.edu/\u202e",
        "0",
    ],
)
def test_an_address_that_no_message_may_go_to_is_refused(url: str, add: Add, problem: Any) -> None:
    found = problem(add(url=url), "outbound-refused")
    assert [each["field"] for each in found["errors"]] == ["url"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": ""}, "url"),
        ({"events": ["grade.lost"]}, "events.0"),
        ({"events": ["job.failed"] * 10}, "events"),
        ({"course": "cs102"}, "course"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], field: str, add: Add, problem: Any) -> None:
    found = problem(add(**body), "invalid-request")
    assert [each["field"] for each in found["errors"]] == [field]


def test_all_methods_of_a_path_are_allowed(served: Any, problem: Any) -> None:
    answer = served.delete("/webhooks")
    assert problem(answer, "method-not-allowed") and answer.headers["allow"] == "GET, POST"


def test_dead_messages_are_listed_and_replayed(served: Any, course: Any, add: Add, problem: Any) -> None:
    admin, made = course.key("admin"), add().json()["id"]
    other = add().json()["id"]
    kill(course, made, number=3)
    path = f"/webhooks/{made}"
    found = served.get(f"{path}/dead-messages?limit=2", headers=admin).json()["messages"]
    assert [(each["id"], each["result"]) for each in found] == [("msg_0", "500"), ("msg_1", "500")]
    problem(served.post(f"/webhooks/{other}/replay", headers=admin, json={"message": "msg_0"}), "not-found")
    one = served.post(f"{path}/replay", headers=admin, json={"message": "msg_0"})
    assert one.json() == {"replayed": 1}
    assert served.post(f"{path}/replay", headers=admin, json={}).json() == {"replayed": 2}
    problem(served.post(f"{path}/replay", headers=admin, json={}), "not-found")
    assert served.get("/webhooks", headers=admin).json()["webhooks"][0]["waiting"] == 3
