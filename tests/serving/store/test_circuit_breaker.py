"""Timeouts and circuit breaker for a frozen PostgreSQL server, which keeps its connections open."""

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
from serving.store import circuit_breaker
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
from serving.store.verification import verification


def test_open_circuit_lets_one_probe_through_per_interval(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_refused_connection_counts_as_an_answer_and_a_timeout_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes = iter([OperationalError("too many clients"), ConnectionTimeout("connection timeout expired")])

    def connect(**options: int) -> TimeoutConnection:
        assert options == {"connect_timeout": circuit_breaker.LIMITS.probe_seconds}
        raise next(outcomes)

    monkeypatch.setattr(TimeoutConnection, "connect", connect)
    monkeypatch.setattr(circuit_breaker, "LIMITS", DatabaseLimits(probe_interval_seconds=60.0))
    breaker = CircuitBreaker()
    assert breaker.probe(connect_timeout=30)
    breaker.check()
    assert not breaker.probe(connect_timeout=30)
    assert not breaker.probe(connect_timeout=30)  # the circuit is open
    with pytest.raises(UnresponsiveError):
        breaker.check()


def test_statement_may_take_long_while_replies_arrive() -> None:
    def statement() -> Any:
        replies = []
        for _ in range(9):
            replies.append((yield 1))
        return replies

    waiting = circuit_breaker._with_timeout(statement(), 3, lambda: True)
    next(waiting)
    with pytest.raises(StopIteration) as done:
        for ready in [0, 0, 1] * 3:
            waiting.send(ready)
    assert done.value.value == [0, 0, 1] * 3

    with pytest.raises(StatementTimeoutError):
        poll_without_reply(circuit_breaker._with_timeout(statement(), 3, lambda: True), 3)
    with pytest.raises(ServerUnresponsiveError):
        poll_without_reply(circuit_breaker._with_timeout(statement(), 3, lambda: False), 1)


def poll_without_reply(waiting: Any, times: int) -> None:
    next(waiting)
    for _ in range(times):
        waiting.send(0)


@pytest.mark.slow
@pytest.mark.usefixtures("short_timeouts")
def test_frozen_server_fails_fast_and_recovers(postgresql_url: str, frozen: Any) -> None:
    database = open_database(f"{postgresql_url}&connect_timeout=2")

    def query(_: int) -> tuple[float, bool]:
        started = time.monotonic()
        try:
            with database.reading() as connection:
                assert connection.execute(text("SELECT 1")).scalar_one() == 1
        except StoreError:
            return time.monotonic() - started, False
        return time.monotonic() - started, True

    with ThreadPoolExecutor(40) as many:
        assert all(answered for _, answered in many.map(query, range(40)))
        with frozen(postgresql_url):
            took = [seconds for seconds, answered in many.map(query, range(40)) if not answered]
            assert len(took) == 40 and max(took) < 3
            assert sorted(query(i)[0] for i in range(9))[4] < 0.1
            time.sleep(circuit_breaker.LIMITS.probe_interval_seconds)
        time.sleep(circuit_breaker.LIMITS.probe_interval_seconds)
        assert query(0)[1]
        assert all(answered for _, answered in many.map(query, range(40)))
    database.close()


@pytest.mark.slow
@pytest.mark.usefixtures("short_timeouts")
def test_freeze_during_commit_has_unknown_outcome(postgresql_url: str, frozen: Callable[[str], Any], hand: Any) -> None:
    store = open_store(postgresql_url)
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    with pytest.raises(OutcomeUnknownError), frozen_at_the_commit(store, frozen(postgresql_url)):
        hand.grade(store, someone)
    time.sleep(circuit_breaker.LIMITS.probe_interval_seconds)
    grade_id = hand.grade(store, someone)  # a retry of the same request
    assert [each.id for each in store.read_grades("r1")] == [grade_id]
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
@pytest.mark.usefixtures("short_timeouts")
def test_autocommit_has_no_timeout(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    with database.autocommit() as connection:
        connection.execute(text("SELECT pg_sleep(0.8)"))
    database.close()


@pytest.mark.slow
@pytest.mark.usefixtures("short_timeouts")
def test_slow_statement_fails_alone(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    for _ in range(2):
        with pytest.raises(StoreError, match="the server responds"), database.reading() as connection:
            connection.execute(text("SELECT pg_sleep(0.8)"))
        with database.reading() as connection:  # a new connection, at once
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
    database.close()


@pytest.mark.slow
@pytest.mark.usefixtures("short_timeouts")
def test_verification_has_no_timeout(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, verify = open_store(postgresql_url), verification.verify_store

    def slow(connection: Connection, expected_head: str | None) -> verification.AuditReport:
        connection.execute(text("SELECT pg_sleep(0.8)"))
        return verify(connection, expected_head)

    monkeypatch.setattr(verification, "verify_store", slow)
    assert store.verify().faults == ()
    store.close()
