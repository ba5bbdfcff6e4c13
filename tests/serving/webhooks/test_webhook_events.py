"""The events from which webhooks are made, and which endpoints get them."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, insert

from labs_schema.errors import GraderError
from labs_schema.grades import Status
from labs_schema.models import Lab
from serving.jobs.tables import jobs
from serving.outbound.errors import OutboundRefusedError
from serving.store.grades.regrade_requests import RegradeRequests
from serving.store.ledger import timestamp
from serving.store.store import Store
from serving.webhooks.endpoints import EVENTS
from serving.webhooks.events import make_messages
from tests.harness.stores.graded_store import COURSE, record_grade
from tests.serving.webhooks.conftest import COMPILES, RATINGS, Hooks, Receiver


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


def test_a_bad_endpoint_is_refused(hooks: Hooks) -> None:
    for url in ("http://receiver.example/", "https://[::1/", "https://169.254.169.254/", "https://a.example:x/", ""):
        with pytest.raises(OutboundRefusedError):
            hooks.endpoints.add(url, (), None, hooks.policy)
    with pytest.raises(GraderError) as raised:
        hooks.endpoints.add("https://receiver.example/", ["grade.lost"], None, hooks.policy)
    assert raised.value.code == "unknown-event"
