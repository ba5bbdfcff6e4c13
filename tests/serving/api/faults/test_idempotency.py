"""Idempotent retries: the same response and one engine call, whatever happened in between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labs_schema.limits import IdempotencyLimits
from serving.api.schemas.examples import BY_LAB
from serving.store.store import Store

GRADE = {**BY_LAB, "lab": "lab1", "student": "s042"}
KEY = {"Idempotency-Key": "try-1"}


@pytest.fixture
def store(store_anywhere: Any) -> Any:
    return store_anywhere


def test_a_grade_is_stored_under_a_pseudonym_before_the_response(course: Any, fake_engine: Any) -> None:
    with course.serve() as client:
        grade_id = client.post("/grade", json=GRADE).json()["grade_id"]
    stored = course.store.read_history(grade_id).grade
    assert course.store.read_student(stored.student).student == "s042"
    assert stored.student != "s042" and stored.grade.student == stored.student
    assert "s042" not in repr(fake_engine.calls)


def test_the_same_key_gets_the_same_response_without_new_work(course: Any, fake_engine: Any) -> None:
    with course.serve() as client:
        first = client.post("/grade", json=GRADE, headers=KEY)
        calls = len(fake_engine.calls)
        assert client.post("/grade", json=GRADE, headers=KEY).content == first.content
        assert len(fake_engine.calls) == calls
        other = client.post("/grade", json=GRADE, headers={"Idempotency-Key": "try-2"}).json()
        assert other["grade_id"] != first.json()["grade_id"]


def test_stored_responses_survive_a_restart(course: Any, fake_engine: Any) -> None:
    with course.serve() as client:
        first = client.post("/grade", json=GRADE, headers=KEY)
    calls = len(fake_engine.calls)
    with course.serve() as client:
        assert client.post("/grade", json=GRADE, headers=KEY).content == first.content
    assert len(fake_engine.calls) == calls


def test_another_body_with_the_same_key_is_refused(course: Any) -> None:
    with course.serve() as client:
        client.post("/grade", json=GRADE, headers=KEY)
        answer = client.post("/grade", json={**GRADE, "student": "s043"}, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


def test_idempotency_keys_are_scoped_to_the_api_key(course: Any) -> None:
    one, other = course.key("ta"), course.key("ta")
    with course.serve() as client:
        first, second = (client.post("/grade", json=GRADE, headers={**KEY, **who}) for who in (one, other))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["grade_id"] != second.json()["grade_id"]


def test_only_one_of_twenty_concurrent_requests_is_graded(course: Any, fake_engine: Any) -> None:
    proceed, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if proceed.wait(10) else None
    with course.serve() as client, ThreadPoolExecutor(20) as clients:
        posts = [clients.submit(client.post, "/grade", json=GRADE, headers=KEY) for _ in range(20)]
        waiting = [post for post in posts if post not in _first_done(posts, 19)]
        proceed.set()
        answers = [post.result(10) for post in posts]
    assert len(waiting) == 1 and len(fake_engine.calls) == 1
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "request-in-progress" and int(refused.headers["retry-after"]) >= 1


def _first_done(posts: list[Any], many: int) -> set[Any]:
    done: set[Any] = set()
    for _ in range(2000):
        done = {post for post in posts if post.done()}
        if len(done) >= many:
            return done
        threading.Event().wait(0.005)
    raise AssertionError(f"{len(done)} answers")


def test_failed_work_may_be_retried_at_once(course: Any, fake_engine: Any) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError

    works, fake_engine.answer = fake_engine.answer, broken
    with course.serve() as client:
        assert client.post("/grade", json=GRADE, headers=KEY).status_code == 503
        fake_engine.answer = works
        assert client.post("/grade", json=GRADE, headers=KEY).status_code == 200


def test_grade_recorded_before_a_crash_is_returned_on_retry(course: Any, fake_engine: Any) -> None:
    """The process ends between the grade's commit and the answer's; its lease runs out."""

    def killed(*_: object) -> str:
        raise RuntimeError

    record_answer, course.store.claims.record_answer = course.store.claims.record_answer, killed
    release_claim, course.store.claims.release = course.store.claims.release, lambda _: None
    with course.serve() as client:
        client.post("/grade", json=GRADE, headers=KEY)
    course.store.claims.record_answer, course.store.claims.release = record_answer, release_claim
    calls = len(fake_engine.calls)
    with course.serve() as client:
        assert client.post("/grade", json=GRADE, headers=KEY).status_code == 409
        course.store.database.now = lambda: datetime.now(UTC) + timedelta(minutes=6)
        course.store = later = Store(course.store.database)
    with course.serve() as client:
        grade_id = client.post("/grade", json=GRADE, headers=KEY).json()["grade_id"]
    assert len(fake_engine.calls) == calls
    assert len(later.read_grades(later.read_history(grade_id).grade.request)) == 1


def test_the_response_is_the_grade_that_was_recorded_first(course: Any) -> None:
    """A process that was suspended past its lease finishes after the process that took its request over."""
    record = course.store.record_grades

    def second(lab: Any, submissions: Any, given: Any, **names: Any) -> Any:
        [one] = given
        criteria = tuple(each.model_copy(update={"reasoning": "of the first process"}) for each in one.criteria)
        record(lab, submissions, [one.model_copy(update={"criteria": criteria})], **names)
        return record(lab, submissions, given, **names)

    course.store.record_grades = second
    with course.serve() as client:
        response = client.post("/grade", json=GRADE, headers=KEY).json()
    stored = course.store.read_history(response["grade_id"]).grade.grade
    assert [each["reasoning"] for each in response["criteria"]] == [each.reasoning for each in stored.criteria]


def test_long_work_renews_its_claim(course: Any, fake_engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.api.idempotency.LIMITS", IdempotencyLimits(heartbeat_seconds=0.01))
    proceed, renewed, first_letter = threading.Event(), threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if renewed.wait(10) and proceed.wait(10) else None
    renew_claim = course.store.claims.renew
    course.store.claims.renew = lambda claim: (renew_claim(claim), renewed.set())
    with course.serve() as client, ThreadPoolExecutor(1) as clients:
        post = clients.submit(client.post, "/grade", json=GRADE, headers=KEY)
        assert renewed.wait(10)
        proceed.set()
        assert post.result(10).status_code == 200


def test_a_regrade_is_started_once_per_key(course: Any) -> None:
    with course.serve(run_jobs=False) as client:
        first, again = (client.post("/labs/lab1/regrade", headers=KEY) for _ in range(2))
        assert (first.status_code, first.content) == (202, again.content)
        assert first.headers["location"] == again.headers["location"] == f"/jobs/{first.json()['id']}"
        assert len(client.get("/jobs").json()["jobs"]) == 1


def test_an_invalid_idempotency_key_is_refused(course: Any) -> None:
    with course.serve() as client:
        for key in ("", "a b", "x" * 256):
            answer = client.post("/grade", json=GRADE, headers={"Idempotency-Key": key})
            assert answer.status_code == 422, key
