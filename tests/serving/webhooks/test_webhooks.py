"""Webhooks against the independent receiver `standardwebhooks`, with a clock that is set by hand."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import delete, insert, select, text, update
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from labs_schema.errors import GraderError
from labs_schema.grades import Status
from labs_schema.models import Lab
from serving.jobs.tables import jobs
from serving.outbound.client import OutboundClient
from serving.outbound.errors import OutboundRefusedError
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store import database
from serving.store.database import PRAGMAS
from serving.store.grades.regrade_requests import RegradeRequests
from serving.store.ledger import timestamp
from serving.store.platforms.webhook_tables import endpoints, messages
from serving.store.store import Store, open_store
from serving.webhooks.endpoints import EVENTS, Endpoints
from serving.webhooks.events import make_messages
from serving.webhooks.sender import SCHEDULE, WebhookSender
from tests.harness.stores.graded_store import COURSE, record_grade

COMPILES, READABLE = "Does it compile?", "Is it readable?"
RATINGS = {COMPILES: "B", READABLE: "A"}


class Receiver:
    """Answers with the next of `answers` (status and headers), then with 204; stores what it received.

    `failing`: the path of an endpoint that always fails.
    """

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.failing = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                status = 500 if self.path == receiver.failing else status
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setitem(PRAGMAS, "synchronous", "OFF")
    opened = open_store(str(tmp_path / "store.db"))
    yield opened
    opened.close()


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(students=0)


class Hooks:
    """Endpoints and a sender whose clock is `now`."""

    def __init__(self, store: Store, receiver: Receiver) -> None:
        self.policy = OutboundPolicy(frozenset({parse_origin(receiver.url)}))
        self.endpoints, self.now = Endpoints(store, "test"), datetime.now(UTC) + timedelta(seconds=1)
        self.client = OutboundClient(self.policy)
        self.sender = self.new_sender(store)
        self.endpoint, self.secret = self.endpoints.add(f"{receiver.url}/hook", (), None, self.policy)

    def new_sender(self, store: Store) -> WebhookSender:
        return WebhookSender(store, self.client, clock=lambda: self.now, jitter=lambda: 1.0)

    def after(self, seconds: float) -> int:
        self.now += timedelta(seconds=seconds)
        return self.sender.look()


@pytest.fixture
def hooks(store: Store, receiver: Receiver) -> Iterator[Hooks]:
    hooks = Hooks(store, receiver)
    yield hooks
    hooks.client.close()


def test_an_independent_receiver_verifies_each_message(
    hooks: Hooks, receiver: Receiver, store: Store, lab: Lab
) -> None:
    accepted = record_grade(store, lab, "s000", RATINGS)
    record_grade(store, lab, "s001", RATINGS, status=Status.NEEDS_REVIEW)
    store.record_override(accepted, COMPILES, "C", "secret words", request="o1", actor="ta1")
    assert hooks.after(0) == 3
    assert receiver.events() == ["grade.accepted", "grade.needs_review", "grade.overridden"]
    for headers, body in receiver.received:
        assert Webhook(hooks.secret).verify(body, headers)["data"]["course"] == COURSE
        with pytest.raises(WebhookVerificationError):
            Webhook(hooks.secret).verify(body + b" ", headers)
    assert json.loads(receiver.received[0][1])["data"] == {"course": COURSE, "lab": lab.name, "grade": accepted}
    sent = b"".join(body for _, body in receiver.received)
    assert b"s000" not in sent and b"secret words" not in sent
    assert hooks.after(0) == 0
    assert store.verify().faults == ()


def test_the_published_schedule_then_a_dead_message_that_can_be_replayed(
    hooks: Hooks, receiver: Receiver, store: Store, lab: Lab
) -> None:
    receiver.answers = [(500, {})] * len(SCHEDULE)
    record_grade(store, lab, "s000", RATINGS)
    assert hooks.after(0) == 1
    for seconds in SCHEDULE[1:]:
        assert hooks.after(seconds - 1) == 0
        assert hooks.after(1) == 1
    assert len(receiver.received) == len(SCHEDULE) == 10
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    [dead] = hooks.endpoints.dead()
    assert (dead.attempts, dead.result) == (10, "500")
    assert hooks.endpoints.read(hooks.endpoint.id).disabled_reason
    hooks.endpoints.enable(hooks.endpoint.id)
    assert hooks.endpoints.replay(dead.id) == 1
    assert hooks.after(1) == 1
    assert hooks.endpoints.dead() == []


def test_a_regrade_request_and_its_answer_are_events(hooks: Hooks, receiver: Receiver, store: Store, lab: Lab) -> None:
    grade, requests = record_grade(store, lab, "s000", RATINGS), RegradeRequests(store.database)
    hooks.after(0)
    made = requests.submit(grade, COMPILES, "secret words", request="r1", actor="student link")
    hooks.after(0)
    requests.answer(made.id, None, "No.", request="r2", actor="ta1")
    hooks.after(0)
    assert receiver.events()[1:] == ["regrade.requested", "regrade.answered"]
    for _, body in receiver.received[1:]:
        assert json.loads(body)["data"] == {"course": COURSE, "lab": lab.name, "grade": grade}
        assert b"secret" not in body


def test_retry_after_is_honoured(hooks: Hooks, receiver: Receiver, store: Store, lab: Lab) -> None:
    receiver.answers = [(429, {"Retry-After": "900"})]
    record_grade(store, lab, "s000", RATINGS)
    assert [hooks.after(0), hooks.after(899), hooks.after(1)] == [1, 0, 1]


@pytest.mark.parametrize("status", [301, 302, 400, 404, 503])
def test_any_other_answer_is_a_failed_attempt(
    status: int, hooks: Hooks, receiver: Receiver, store: Store, lab: Lab
) -> None:
    receiver.answers = [(status, {"Location": f"{receiver.url}/elsewhere"})]
    record_grade(store, lab, "s000", RATINGS)
    assert [hooks.after(0), hooks.after(4), hooks.after(1)] == [1, 0, 1]
    assert len(receiver.received) == 2


def test_gone_disables_the_endpoint(hooks: Hooks, receiver: Receiver, store: Store, lab: Lab) -> None:
    receiver.answers = [(410, {})]
    record_grade(store, lab, "s000", RATINGS)
    record_grade(store, lab, "s001", RATINGS)
    assert hooks.after(0) == 1
    assert hooks.endpoints.read(hooks.endpoint.id).disabled_reason == "the receiver answered 410 Gone"
    assert hooks.after(100_000) == 0


def test_a_rotated_secret_overlaps_for_a_day(hooks: Hooks, receiver: Receiver, store: Store, lab: Lab) -> None:
    old, new = hooks.secret, hooks.endpoints.rotate(hooks.endpoint.id)
    record_grade(store, lab, "s000", RATINGS)
    hooks.after(0)
    hooks.now -= timedelta(seconds=1)
    headers, body = receiver.received[0]
    assert Webhook(old).verify(body, headers) and Webhook(new).verify(body, headers)
    hooks.now += timedelta(hours=25)
    record_grade(store, lab, "s001", RATINGS)
    hooks.after(0)
    headers, _ = receiver.received[1]
    assert len(headers["webhook-signature"].split()) == 1


@pytest.fixture
def other_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This process has another key file from now on."""
    monkeypatch.setenv("GRADER_SESSION_KEY", str(tmp_path / "other" / "session.key"))


def test_a_process_with_another_key_sends_nothing_and_messages_wait(
    hooks: Hooks, receiver: Receiver, store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record_grade(store, lab, "s000", RATINGS)
    for name, content, code in (("other", b"k" * 32, "other-webhook-key"), ("short", b"k", "bad-session-key")):
        (tmp_path / name).write_bytes(content)
        monkeypatch.setenv("GRADER_SESSION_KEY", str(tmp_path / name))
        assert [hooks.after(1000), hooks.after(1000)] == [0, 0]
        found = hooks.endpoints.read(hooks.endpoint.id)
        assert found.fault is not None and (found.fault.code, found.waiting, found.dead) == (code, 1, 0)
        assert str(tmp_path / name) in found.fault.message and found.fault.hint and found.disabled_at is None
    assert receiver.received == []
    monkeypatch.delenv("GRADER_SESSION_KEY")
    assert hooks.after(1000) == 1 and hooks.endpoints.read(hooks.endpoint.id).fault is None
    headers, body = receiver.received[0]
    assert Webhook(hooks.secret).sign(headers["webhook-id"], hooks.now, body.decode()) == headers["webhook-signature"]


def test_a_rotation_replaces_a_lost_key(
    hooks: Hooks, receiver: Receiver, store: Store, lab: Lab, other_key: None
) -> None:
    del other_key
    hooks.now -= timedelta(seconds=60)
    secret = hooks.endpoints.rotate(hooks.endpoint.id)
    record_grade(store, lab, "s000", RATINGS)
    hooks.after(60)
    headers, body = receiver.received[0]
    assert Webhook(secret).verify(body, headers) and len(headers["webhook-signature"].split()) == 1
    assert hooks.endpoints.read(hooks.endpoint.id).fault is None


def test_no_secret_is_returned_twice_or_stored(new_url: Callable[..., str], tmp_path: Path, other_key: None) -> None:
    del other_key
    store = open_store(new_url())
    hooks = Endpoints(store, "test")
    one, first = hooks.add("https://a.example/", (), None, OutboundPolicy())
    two, other = hooks.add("https://a.example/", (), None, OutboundPolicy())
    found = {first, other, *(hooks.rotate(each.id) for each in (one, two) * 3)}
    assert len(found) == 8
    with store.database.reading() as connection:
        assert not any(each in str(connection.execute(select(endpoints)).all()) for each in found)
    assert store.verify().faults == ()
    store.close()
    assert not any(each.encode() in path.read_bytes() for path in tmp_path.glob("store*") for each in found)
    key = tmp_path / "other" / "session.key"
    assert key.stat().st_mode & 0o077 == 0 and key.stat().st_size == 32


UNRECORDED: dict[str, Any] = {"id": "2", "at": "2026", "actor": "ta", "url": "https://evil.example/", "events": ""}
UNRECORDED |= {"key_tag": "0", "secret_number": 1, "cursor": 0}


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (update(endpoints).values(url="https://evil.example/"), "row-changed"),
        (update(endpoints).values(secret_number=1), "row-changed"),
        (update(endpoints).values(disabled_at="2026"), "row-changed"),
        (update(endpoints).values(key_tag=""), "row-deleted"),
        (delete(endpoints), "row-deleted"),
        (insert(endpoints).values(UNRECORDED), "row-without-entry"),
    ],
)
def test_a_change_outside_the_audit_log_is_found(
    hooks: Hooks, store: Store, lab: Lab, statement: Any, code: str
) -> None:
    hooks.endpoints.rotate(hooks.endpoint.id)
    hooks.endpoints.disable(hooks.endpoint.id)
    hooks.endpoints.enable(hooks.endpoint.id)
    record_grade(store, lab, "s000", RATINGS)
    hooks.after(0)  # moves the position in the log
    assert store.verify().faults == ()
    with store.database.writing() as connection:
        connection.execute(delete(messages))
        connection.execute(statement)
    assert {each.code for each in store.verify().faults} == {code}


def test_an_endpoint_from_before_derived_secrets_waits_for_a_rotation(
    production_stores: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del production_stores
    with monkeypatch.context() as patch:
        old = SimpleNamespace(upgrade=lambda config, _: command.upgrade(config, "0011"))
        patch.setattr(database, "command", old)
        store = open_store(str(tmp_path / "old.db"))
    values = {"id": "1f0c", "at": "2026", "actor": "ta", "url": "https://a.example/", "events": "job.failed"}
    values |= {"secret": "whsec_old", "old_secret": "whsec_older", "old_until": "9999"}
    names = ", ".join(values)
    insertion = f"INSERT INTO webhook_endpoints ({names}, cursor) VALUES (:{names.replace(', ', ', :')}, 0)"
    with store.database.writing() as connection:
        connection.execute(text(insertion), values)
    store.close()
    store = open_store(str(tmp_path / "old.db"))
    [before] = Endpoints(store, "test").all()
    assert store.verify().faults == ()
    assert before.fault is not None and before.fault.code == "other-webhook-key"
    assert Endpoints(store, "test").rotate("1f0c").startswith("whsec_")
    [after] = Endpoints(store, "test").all()
    assert after.fault is None and store.verify().faults == ()
    store.close()
    assert b"whsec_old" not in (tmp_path / "old.db").read_bytes()


def test_a_message_of_a_killed_process_is_sent_again_under_its_id(
    hooks: Hooks, receiver: Receiver, store: Store, lab: Lab
) -> None:
    record_grade(store, lab, "s000", RATINGS)
    hooks.sender._record = lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        hooks.after(0)
    hooks.sender = hooks.new_sender(store)
    assert [hooks.after(60), hooks.after(60), hooks.after(1000)] == [0, 1, 0]
    assert receiver.received[0][0]["webhook-id"] == receiver.received[1][0]["webhook-id"]


def test_two_senders_send_each_message_once(hooks: Hooks, receiver: Receiver, store: Store, lab: Lab) -> None:
    for number in range(6):
        record_grade(store, lab, f"s{number}", RATINGS)
    senders = [hooks.new_sender(store) for _ in range(2)]
    threads = [threading.Thread(target=each.look) for each in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == len(receiver.received) == 6


def test_an_endpoint_gets_only_its_course_and_events_from_now_on(
    hooks: Hooks, receiver: Receiver, store: Store, lab: Lab
) -> None:
    hooks.endpoints.disable(hooks.endpoint.id)
    record_grade(store, lab, "s000", RATINGS)
    hooks.endpoints.add(receiver.url, ["grade.needs_review"], COURSE, hooks.policy)
    hooks.endpoints.add(receiver.url, EVENTS, "other", hooks.policy)
    record_grade(store, lab, "s001", RATINGS)
    record_grade(store, lab, "s002", RATINGS, status=Status.NEEDS_REVIEW)
    assert hooks.after(0) == 1
    assert receiver.events() == ["grade.needs_review"]


def finish_job(store: Store, name: str, at: datetime, failure: str | None = None, generation: int = 1) -> None:
    row = {"id": name, "at": timestamp(at), "actor": "ta", "course": COURSE, "lab": "lab1", "work": "w", "total": 1}
    row |= {"chunk": 1, "generation": generation, "requested": "run", "failure": failure, "cli": False, "warnings": {}}
    with store.database.writing() as connection:
        connection.execute(delete(jobs).where(jobs.c.id == name))
        connection.execute(insert(jobs).values(**row, finished_at=timestamp(at)))


def test_each_end_of_a_job_is_an_event_unless_sending_was_paused(
    hooks: Hooks, receiver: Receiver, store: Store
) -> None:
    finish_job(store, "j1", hooks.now, failure="the model is gone")
    assert [hooks.after(0), hooks.after(0)] == [1, 0]
    finish_job(store, "j1", hooks.now, generation=2)
    assert [hooks.after(0), hooks.after(0)] == [1, 0]
    assert receiver.events() == ["job.failed", "job.completed"]
    hooks.endpoints.disable(hooks.endpoint.id)
    finish_job(store, "j2", datetime.now(UTC))
    hooks.endpoints.enable(hooks.endpoint.id)
    assert hooks.after(600) == 0
    finish_job(store, "j3", hooks.now)
    assert hooks.after(0) == 1


def test_a_look_without_news_writes_nothing(
    hooks: Hooks, store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_grade(store, lab, "s000", RATINGS)
    finish_job(store, "j1", hooks.now)
    hooks.after(0)
    monkeypatch.setattr(store.database, "writing", lambda: pytest.fail("a transaction that writes"))
    assert make_messages(store, hooks.now) == 0


def test_a_receiver_that_fails_does_not_hold_up_the_others(
    hooks: Hooks, receiver: Receiver, store: Store, lab: Lab
) -> None:
    other, _ = hooks.endpoints.add(f"{receiver.url}/other", (), None, hooks.policy)
    record_grade(store, lab, "s000", RATINGS)
    record_grade(store, lab, "s001", RATINGS)
    with store.database.reading() as connection:
        [first, *_] = connection.execute(select(endpoints.c.id).order_by(endpoints.c.at)).scalars()
    assert first == hooks.endpoint.id
    receiver.failing = "/hook"
    assert hooks.after(0) == 3
    assert hooks.endpoints.read(other.id).waiting == 0 and hooks.endpoints.read(first).waiting == 2


def test_a_bad_endpoint_is_refused(hooks: Hooks) -> None:
    for url in ("http://receiver.example/", "https://[::1/", "https://169.254.169.254/", "https://a.example:x/", ""):
        with pytest.raises(OutboundRefusedError):
            hooks.endpoints.add(url, (), None, hooks.policy)
    with pytest.raises(GraderError) as raised:
        hooks.endpoints.add("https://receiver.example/", ["grade.lost"], None, hooks.policy)
    assert raised.value.code == "unknown-event"
