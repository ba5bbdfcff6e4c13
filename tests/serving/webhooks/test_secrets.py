"""Secrets of webhooks are derived from the key file: rotated, never stored, and covered by the audit log."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import delete, insert, select, text, update
from standardwebhooks import Webhook

from labs_schema.models import Lab
from serving.outbound.policy import OutboundPolicy
from serving.store import database
from serving.store.platforms.webhook_tables import endpoints, messages
from serving.store.store import Store, open_store
from serving.webhooks.endpoints import Endpoints
from tests.harness.stores.graded_store import record_grade
from tests.serving.webhooks.conftest import RATINGS, Hooks, Receiver


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
