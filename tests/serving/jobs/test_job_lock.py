"""One process at a time works on a job of a terminal, and none waits long for a server that hangs."""

import fcntl
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from labs_schema.errors import GraderError
from serving.jobs.job_lock import job_lock
from serving.store import circuit_breaker
from serving.store.circuit_breaker import TimeoutConnection
from serving.store.database import open_database
from serving.store.errors import StoreError
from serving.store.store import open_store


def test_a_turn_that_was_waited_for_until_its_file_was_gone_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_store(f"sqlite:///{tmp_path}/turns.db").database
    lock, first = fcntl.flock, job_lock(database, ["j"])
    first.__enter__()

    def late(file: Any, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        first.__exit__(None, None, None)  # between the opening of its file and the lock on it
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with job_lock(database, ["j"]), pytest.raises(GraderError, match="Another process"), job_lock(database, ["j"]):
        pass
    assert not list(tmp_path.glob(".regrade-*"))
    database.close()


def test_a_turn_on_all_labs_of_a_course_leaves_room_to_work(new_url: Callable[[], str]) -> None:
    store, names = open_store(new_url()), [f"job{number}" for number in range(40)]
    with job_lock(store.database, names):
        store.pseudonym_for("cs101", "s1", actor="ta")
        with pytest.raises(GraderError, match="job job39"), job_lock(store.database, ["free", "job39"]):
            pass
    with job_lock(store.database, ["free", "job39"]):
        pass
    store.close()


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize(("at", "told"), [("pg_try_advisory_lock", StoreError), ("pg_advisory_unlock_all", None)])
def test_a_server_that_hangs_just_as_a_turn_is_taken_or_given_back_is_not_waited_for(
    at: str, told: type[Exception] | None, postgresql_url: str, frozen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TimeoutConnection, "patience", 0.4)
    monkeypatch.setattr(circuit_breaker, "LOOK_SECONDS", 0.5)
    database = open_database(f"{postgresql_url}&connect_timeout=2")
    with ExitStack() as hanging:
        froze = list[float]()

        def freeze(_: object, __: object, statement: str, *___: object) -> None:
            if at in statement and not froze:
                hanging.enter_context(frozen(postgresql_url))
                froze.append(time.monotonic())

        event.listen(database._engine, "before_cursor_execute", freeze)
        with pytest.raises(told, match="says nothing") if told else nullcontext(), job_lock(database, ["j"]):
            pass
        assert time.monotonic() - froze[0] < 20
    time.sleep(circuit_breaker.LOOK_SECONDS)
    with job_lock(database, ["j"]):
        pass
    database.close()
