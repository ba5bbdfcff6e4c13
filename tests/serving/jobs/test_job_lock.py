"""The lock of a CLI job: one process at a time, without a long wait for an unresponsive server."""

import fcntl
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from labs_schema.limits import DatabaseLimits
from serving.jobs.job_lock import job_lock
from serving.store import circuit_breaker
from serving.store.circuit_breaker import TimeoutConnection
from serving.store.database import open_database
from serving.store.errors import StoreError
from serving.store.store import open_store
from tests.harness.errors import raises_code


def test_lock_on_a_deleted_file_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = open_store(f"sqlite:///{tmp_path}/store.db").database
    lock, first = fcntl.flock, job_lock(database, ["j"])
    first.__enter__()

    def late(file: Any, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        first.__exit__(None, None, None)  # after the file was opened, before it is locked
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with job_lock(database, ["j"]), raises_code("job-locked"), job_lock(database, ["j"]):
        pass
    assert not list(tmp_path.glob(".regrade-*"))
    database.close()


def test_locks_on_many_jobs_use_one_connection(new_url: Callable[[], str]) -> None:
    store, names = open_store(new_url()), [f"job{number}" for number in range(40)]
    with job_lock(store.database, names):
        store.pseudonym_for("cs101", "s1", actor="ta")
        with raises_code("job-locked", "job39"), job_lock(store.database, ["free", "job39"]):
            pass
    with job_lock(store.database, ["free", "job39"]):
        pass
    store.close()


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("statement", "error"), [("pg_try_advisory_lock", StoreError), ("pg_advisory_unlock_all", None)]
)
def test_server_that_freezes_during_lock_or_unlock_is_not_waited_for(
    statement: str, error: type[Exception] | None, postgresql_url: str, frozen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TimeoutConnection, "timeout_seconds", 0.4)
    monkeypatch.setattr(circuit_breaker, "LIMITS", DatabaseLimits(probe_interval_seconds=0.5))
    database = open_database(f"{postgresql_url}&connect_timeout=2")
    with ExitStack() as hanging:
        froze = list[float]()

        def freeze(_: object, __: object, executed: str, *___: object) -> None:
            if statement in executed and not froze:
                hanging.enter_context(frozen(postgresql_url))
                froze.append(time.monotonic())

        event.listen(database._engine, "before_cursor_execute", freeze)
        with pytest.raises(error, match="does not respond") if error else nullcontext(), job_lock(database, ["j"]):
            pass
        assert time.monotonic() - froze[0] < 20
    time.sleep(circuit_breaker.LIMITS.probe_interval_seconds)
    with job_lock(database, ["j"]):
        pass
    database.close()
