"""A server that is frozen keeps its connections open and says nothing: nobody waits for it for long."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest
from psycopg import OperationalError
from psycopg.errors import ConnectionTimeout
from sqlalchemy import Connection, event, text

from labs_schema.limits import DatabaseLimits
from serving.store import circuit_breaker, verification
from serving.store.circuit_breaker import (
    CircuitBreaker,
    ServerUnresponsiveError,
    StatementTimeoutError,
    TimeoutConnection,
    UnresponsiveError,
)
from serving.store.database import open_database
from serving.store.errors import OutcomeUnknownError, StoreError
from serving.store.store import Store, open_store


def test_while_a_server_is_silent_one_at_a_time_looks_whether_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 2.5, 3.0])
    monkeypatch.setattr(circuit_breaker.time, "monotonic", lambda: next(clock))
    breaker = CircuitBreaker()
    breaker.open()
    with pytest.raises(UnresponsiveError):
        breaker.check()
    breaker.check()
    with pytest.raises(UnresponsiveError):
        breaker.check()
    breaker.close()
    monkeypatch.undo()
    breaker.check()


def test_a_server_that_refuses_a_connection_has_answered_and_one_that_lets_it_wait_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = iter([OperationalError("too many clients"), ConnectionTimeout("connection timeout expired")])

    def connect(**options: int) -> TimeoutConnection:
        assert options == {"connect_timeout": circuit_breaker.LIMITS.probe_seconds}
        raise next(said)

    monkeypatch.setattr(TimeoutConnection, "connect", connect)
    monkeypatch.setattr(circuit_breaker, "LIMITS", DatabaseLimits(probe_interval_seconds=60.0))
    breaker = CircuitBreaker()
    assert breaker.probe(connect_timeout=30)
    breaker.check()
    assert not breaker.probe(connect_timeout=30)
    assert not breaker.probe(connect_timeout=30)  # nobody is asked again so soon
    with pytest.raises(UnresponsiveError):
        breaker.check()


def test_a_statement_waits_as_long_as_something_is_heard_now_and_then() -> None:
    def statement() -> Any:
        heard = []
        for _ in range(9):
            heard.append((yield 1))
        return heard

    waiting = circuit_breaker._with_timeout(statement(), 3, lambda: True)
    next(waiting)
    with pytest.raises(StopIteration) as done:
        for ready in [0, 0, 1] * 3:
            waiting.send(ready)
    assert done.value.value == [0, 0, 1] * 3

    with pytest.raises(StatementTimeoutError):
        woken_for_nothing(circuit_breaker._with_timeout(statement(), 3, lambda: True), 3)
    with pytest.raises(ServerUnresponsiveError):
        woken_for_nothing(circuit_breaker._with_timeout(statement(), 3, lambda: False), 1)


def woken_for_nothing(waiting: Any, times: int) -> None:
    next(waiting)
    for _ in range(times):
        waiting.send(0)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_frozen_server_holds_nobody_up_and_all_goes_on_when_it_wakes(postgresql_url: str, frozen: Any) -> None:
    database = open_database(f"{postgresql_url}&connect_timeout=2")

    def ask(_: int) -> tuple[float, bool]:
        began = time.monotonic()
        try:
            with database.reading() as connection:
                assert connection.execute(text("SELECT 1")).scalar_one() == 1
        except StoreError:
            return time.monotonic() - began, False
        return time.monotonic() - began, True

    with ThreadPoolExecutor(40) as many:
        assert all(answered for _, answered in many.map(ask, range(40)))
        with frozen(postgresql_url):
            took = [seconds for seconds, answered in many.map(ask, range(40)) if not answered]
            assert len(took) == 40 and max(took) < 3
            assert sorted(ask(i)[0] for i in range(9))[4] < 0.1
            time.sleep(circuit_breaker.LIMITS.probe_interval_seconds)
        time.sleep(circuit_breaker.LIMITS.probe_interval_seconds)
        assert ask(0)[1]
        assert all(answered for _, answered in many.map(ask, range(40)))
    database.close()


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_of_a_write_that_a_server_froze_at_nobody_says_what_is_not_known(
    postgresql_url: str, frozen: Callable[[str], Any], hand: Any
) -> None:
    store = open_store(postgresql_url)
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    with pytest.raises(OutcomeUnknownError), frozen_at_the_commit(store, frozen(postgresql_url)):
        hand.grade(store, someone)
    time.sleep(circuit_breaker.LIMITS.probe_interval_seconds)
    kept = hand.grade(store, someone)  # the same request once more
    assert [each.id for each in store.read_grades("r1")] == [kept]
    assert store.verify().faults == ()
    store.close()


@contextmanager
def frozen_at_the_commit(store: Store, frozen: AbstractContextManager[None]) -> Iterator[None]:
    """Freezes the server before the next commit is sent, until the end of the block."""
    with ExitStack() as stack:

        def freeze(_: object) -> None:
            stack.enter_context(frozen)

        event.listen(store.database._engine, "commit", freeze, once=True)
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_what_takes_its_time_may_be_silent(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    with database.autocommit() as connection:
        connection.execute(text("SELECT pg_sleep(0.8)"))
    database.close()


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_slow_statement_on_a_server_that_answers_is_given_up_and_holds_nobody_else_up(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    for _ in range(2):
        with pytest.raises(StoreError, match="the server responds"), database.reading() as connection:
            connection.execute(text("SELECT pg_sleep(0.8)"))
        with database.reading() as connection:  # a new connection, at once
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.close()


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_large_store_is_verified_however_long_one_question_takes(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, verify = open_store(postgresql_url), verification.verify_store

    def slow(connection: Connection, noted: str | None) -> verification.AuditReport:
        connection.execute(text("SELECT pg_sleep(0.8)"))
        return verify(connection, noted)

    monkeypatch.setattr(verification, "verify_store", slow)
    assert store.verify().faults == ()
    store.close()
