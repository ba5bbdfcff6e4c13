"""Webhooks are signed, retried and sent once: checked with the independent receiver `standardwebhooks`."""

import json
import threading

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from labs_schema.grades import Status
from labs_schema.models import Lab
from serving.store.platforms.webhook_tables import endpoints
from serving.store.store import Store
from serving.webhooks.sender import SCHEDULE
from tests.harness.stores.graded_store import COURSE, record_grade
from tests.serving.webhooks.conftest import COMPILES, RATINGS, Hooks, Receiver


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
