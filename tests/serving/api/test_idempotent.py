"""A request that is sent again: the same answer, one call of the engine, whatever happened between."""

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


def test_a_grade_is_in_the_store_under_a_pseudonym_when_it_is_answered(course: Any, fake_engine: Any) -> None:
    with course.serve() as client:
        grade_id = client.post("/grade", json=GRADE).json()["grade_id"]
    stored = course.store.read_history(grade_id).grade
    assert course.store.read_student(stored.student).student == "s042"
    assert stored.student != "s042" and stored.grade.student == stored.student
    assert "s042" not in repr(fake_engine.asked)


def test_the_same_key_gets_the_same_answer_and_no_work_is_done_again(course: Any, fake_engine: Any) -> None:
    with course.serve() as client:
        first = client.post("/grade", json=GRADE, headers=KEY)
        calls = len(fake_engine.asked)
        assert client.post("/grade", json=GRADE, headers=KEY).content == first.content
        assert len(fake_engine.asked) == calls
        other = client.post("/grade", json=GRADE, headers={"Idempotency-Key": "try-2"}).json()
        assert other["grade_id"] != first.json()["grade_id"]


def test_it_survives_a_restart(course: Any, fake_engine: Any) -> None:
    with course.serve() as client:
        first = client.post("/grade", json=GRADE, headers=KEY)
    calls = len(fake_engine.asked)
    with course.serve() as client:
        assert client.post("/grade", json=GRADE, headers=KEY).content == first.content
    assert len(fake_engine.asked) == calls


def test_another_body_under_the_same_key_is_refused(course: Any) -> None:
    with course.serve() as client:
        client.post("/grade", json=GRADE, headers=KEY)
        answer = client.post("/grade", json={**GRADE, "student": "s043"}, headers=KEY)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:grader:idempotency-key-reused")


def test_two_keys_holders_may_use_the_same_name(course: Any) -> None:
    one, other = course.key("ta"), course.key("ta")
    with course.serve() as client:
        first, second = (client.post("/grade", json=GRADE, headers={**KEY, **who}) for who in (one, other))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["grade_id"] != second.json()["grade_id"]


def test_twenty_at_once_are_one_call_and_the_others_are_told_to_wait(course: Any, fake_engine: Any) -> None:
    go, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if go.wait(10) else None
    with course.serve() as client, ThreadPoolExecutor(20) as clients:
        posts = [clients.submit(client.post, "/grade", json=GRADE, headers=KEY) for _ in range(20)]
        waiting = [post for post in posts if post not in _first_done(posts, 19)]
        go.set()
        answers = [post.result(10) for post in posts]
    assert len(waiting) == 1 and len(fake_engine.asked) == 1
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["type"] == "urn:grader:in-progress" and int(refused.headers["retry-after"]) >= 1


def _first_done(posts: list[Any], many: int) -> set[Any]:
    done: set[Any] = set()
    for _ in range(2000):
        done = {post for post in posts if post.done()}
        if len(done) >= many:
            return done
        threading.Event().wait(0.005)
    raise AssertionError(f"{len(done)} answers")


def test_work_that_failed_may_be_tried_again_at_once(course: Any, fake_engine: Any) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError

    works, fake_engine.answer = fake_engine.answer, broken
    with course.serve() as client:
        assert client.post("/grade", json=GRADE, headers=KEY).status_code == 503
        fake_engine.answer = works
        assert client.post("/grade", json=GRADE, headers=KEY).status_code == 200


def test_what_was_recorded_before_a_crash_is_the_answer_after_it(course: Any, fake_engine: Any) -> None:
    """The process ends between the grade's commit and the answer's; its lease runs out."""

    def killed(*_: object) -> str:
        raise RuntimeError

    kept, course.store.record_answer = course.store.record_answer, killed
    abandoned, course.store.release_claim = course.store.release_claim, lambda _: None
    with course.serve() as client:
        client.post("/grade", json=GRADE, headers=KEY)
    course.store.record_answer, course.store.release_claim = kept, abandoned
    calls = len(fake_engine.asked)
    with course.serve() as client:
        assert client.post("/grade", json=GRADE, headers=KEY).status_code == 409
        course.store = later = Store(course.store.database, lambda: datetime.now(UTC) + timedelta(minutes=6))
    with course.serve() as client:
        grade_id = client.post("/grade", json=GRADE, headers=KEY).json()["grade_id"]
    assert len(fake_engine.asked) == calls
    assert len(later.read_grades(later.read_history(grade_id).grade.request)) == 1


def test_long_work_is_not_taken_for_a_crash(course: Any, fake_engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.api.idempotency.LIMITS", IdempotencyLimits(heartbeat_seconds=0.01))
    go, said, first_letter = threading.Event(), threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if said.wait(10) and go.wait(10) else None
    still_held = course.store.renew_claim
    course.store.renew_claim = lambda claim: (still_held(claim), said.set())
    with course.serve() as client, ThreadPoolExecutor(1) as clients:
        post = clients.submit(client.post, "/grade", json=GRADE, headers=KEY)
        assert said.wait(10)
        go.set()
        assert post.result(10).status_code == 200


def test_a_regrade_is_begun_once_for_a_key(course: Any) -> None:
    with course.serve(queue_up=False) as client:
        first, again = (client.post("/labs/lab1/regrade", headers=KEY) for _ in range(2))
        assert (first.status_code, first.content) == (202, again.content)
        assert first.headers["location"] == again.headers["location"] == f"/jobs/{first.json()['id']}"
        assert len(client.get("/jobs").json()["jobs"]) == 1


def test_a_key_that_is_no_plain_text_is_refused(course: Any) -> None:
    with course.serve() as client:
        for key in ("", "a b", "x" * 256):
            answer = client.post("/grade", json=GRADE, headers={"Idempotency-Key": key})
            assert answer.status_code == 422, key
