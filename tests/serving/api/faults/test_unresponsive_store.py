"""PostgreSQL stops responding during a request: fast refusal, nothing lost or duplicated, recovery."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import event

from serving.api.schemas.examples import BY_LAB

GRADE = {**BY_LAB, "lab": "lab1", "student": "s042"}
KEY = {"Idempotency-Key": "try-1"}


@pytest.fixture
def store(short_timeout_store: Any) -> Any:
    """That of `course`."""
    return short_timeout_store


@pytest.mark.slow
def test_a_retry_after_an_unknown_outcome_finds_the_grade(
    course: Any, postgresql_url: str, frozen: Any, fake_engine: Any, problem: Any
) -> None:
    once = iter([True])
    with course.serve() as client, ExitStack() as stack:

        def freeze(_: Any) -> None:
            if fake_engine.calls and next(once, False):  # what is committed now is the grade
                stack.enter_context(frozen(postgresql_url))

        event.listen(course.store.database._engine, "commit", freeze)
        began = time.monotonic()
        refused = client.post("/grade", json=GRADE, headers=KEY)
        assert problem(refused, "outcome-unknown") and refused.headers["retry-after"]
        assert time.monotonic() - began < 15
        stack.close()
        while (answer := client.post("/grade", json=GRADE, headers=KEY)).status_code == 503:
            time.sleep(0.1)
        calls = len(fake_engine.calls)
        again = client.post("/grade", json=GRADE, headers=KEY)
    assert answer.status_code == 200 and again.content == answer.content and len(fake_engine.calls) == calls == 1
    history = course.store.read_history(answer.json()["grade_id"])
    assert history.regrades == () and course.store.verify().faults == ()


@pytest.mark.slow
def test_concurrent_requests_are_all_refused_fast(course: Any, postgresql_url: str, frozen: Any, problem: Any) -> None:
    def ask(number: int) -> Any:
        return client.post("/grade", json=GRADE, headers={"Idempotency-Key": f"{number}"})

    def ask_again(number: int) -> Any:
        end = time.monotonic() + 30
        while (answer := ask(number)).status_code == 503 and time.monotonic() < end:
            time.sleep(0.1)
        return answer

    with course.serve(capacity=200) as client, ThreadPoolExecutor(60) as clients:
        assert ask(0).status_code == 200
        with frozen(postgresql_url):
            began = time.monotonic()
            refused = list(clients.map(ask, range(1, 61)))
            assert time.monotonic() - began < 12
            for answer in refused:
                assert problem(answer, "store-unavailable") and answer.headers["retry-after"]
        assert {answer.status_code for answer in clients.map(ask_again, range(61))} == {200}
