"""Idempotent retries: one answer per key, across restarts, processes and crashes."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from serving.store import idempotency
from serving.store.errors import ForgottenError, InProgressError, OtherBodyError, StoreError
from serving.store.idempotency import ANSWER_AGE, LEASE, has_ended, this_process
from serving.store.ledger import audited_transaction
from serving.store.store import Store, open_store
from tests.harness.processes.forking import start

SCOPE, KEY, BODY = "k1 /grade", "abc", "body"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_same_key_and_body_get_same_answer_for_a_day(new_url: Any) -> None:
    url, clock = new_url(), Clock()
    store = open_store(url, clock)
    claim = store.claims.take(SCOPE, KEY, BODY)
    assert claim.answer is None
    assert store.claims.record_answer(claim, "the answer") == "the answer"
    store.close()
    store = open_store(url, clock)  # a restart
    assert store.claims.take(SCOPE, KEY, BODY).answer == "the answer"
    clock.now += ANSWER_AGE - timedelta(seconds=1)
    assert store.claims.take(SCOPE, KEY, BODY).answer == "the answer"
    clock.now += timedelta(seconds=2)
    assert store.claims.take(SCOPE, KEY, "another body").answer is None
    store.close()


def test_expired_answers_are_deleted(new_url: Any) -> None:
    clock = Clock()
    store = open_store(new_url(), clock)
    for number in range(3):
        store.claims.record_answer(store.claims.take(SCOPE, f"old{number}", BODY), "old answer")
    clock.now += ANSWER_AGE
    store.claims.take(SCOPE, "new", BODY)
    with store.database.reading() as connection:
        assert len(connection.execute(idempotency.idempotency.select()).all()) == 1
    store.close()


def test_same_key_with_other_body_or_scope(store: Store) -> None:
    store.claims.record_answer(store.claims.take(SCOPE, KEY, BODY), "the answer")
    with pytest.raises(OtherBodyError):
        store.claims.take(SCOPE, KEY, "another body")
    assert store.claims.take("k2 /grade", KEY, "another body").answer is None


def test_expired_lease_is_taken_over_with_same_request(new_url: Any, hand: Any) -> None:
    clock = Clock()
    store = open_store(new_url(), clock)
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    lost = store.claims.take(SCOPE, KEY, BODY, student=someone)
    grade = hand.grade(store, someone, request=lost.request)
    with pytest.raises(InProgressError):
        store.claims.take(SCOPE, KEY, BODY)
    clock.now += LEASE
    store.claims.renew(lost)
    clock.now += LEASE - timedelta(seconds=1)
    with pytest.raises(InProgressError):  # the lease was renewed
        store.claims.take(SCOPE, KEY, BODY)
    clock.now += timedelta(seconds=1)
    taken = store.claims.take(SCOPE, KEY, BODY)
    assert taken.answer is None and taken.holder != lost.holder
    assert hand.grade(store, someone, request=taken.request) == grade
    assert store.claims.record_answer(taken, "second") == "second"
    assert store.claims.record_answer(lost, "first, too late") == "second"
    store.close()


def test_released_claim_can_be_retried_at_once(store: Store) -> None:
    failed = store.claims.take(SCOPE, KEY, BODY)
    store.claims.release(failed)
    retry = store.claims.take(SCOPE, KEY, BODY)
    assert retry.request == failed.request
    store.claims.release(failed)  # no longer its own
    with pytest.raises(InProgressError):
        store.claims.take(SCOPE, KEY, BODY)


def test_claim_released_during_outage_can_be_retried(
    new_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> NoReturn:
        raise StoreError("The store cannot be used.")

    store = open_store(new_url())
    claim = store.claims.take(SCOPE, KEY, BODY)
    with monkeypatch.context() as outage:
        outage.setattr(store.database, "writing", unreachable)
        with pytest.raises(StoreError):
            store.claims.release(claim)
    retry = store.claims.take(SCOPE, KEY, BODY)
    assert (retry.request, retry.answer) == (claim.request, None)
    store.close()


def test_one_of_many_concurrent_claims_wins(store: Store) -> None:
    def claim(_: int) -> str:
        try:
            store.claims.take(SCOPE, KEY, BODY)
        except InProgressError:
            return "wait"
        return "work"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(claim, range(8))) == ["wait"] * 7 + ["work"]
    assert store.verify().entries == 0  # claims are not audited


def test_forgotten_student_gets_no_claim_and_no_stored_answer(store: Store) -> None:
    someone = store.pseudonym_for("cs101", "s1", actor="api")
    claim = store.claims.take(SCOPE, KEY, BODY, student=someone)
    store.forget_student("s1", actor="admin")
    store.claims.record_answer(claim, "ZEBRA")
    with pytest.raises(ForgottenError):
        store.claims.take(SCOPE, KEY, BODY, student=someone)
    with store.database.reading() as connection:
        assert connection.execute(idempotency.idempotency.select()).all() == []


@pytest.mark.slow
def test_claims_do_not_wait_for_the_audit_log(postgresql_url: str) -> None:
    store = open_store(postgresql_url)
    with audited_transaction(store.database):
        claim = store.claims.take(SCOPE, KEY, BODY)
        store.claims.renew(claim)
        assert store.claims.record_answer(claim, "the answer") == "the answer"
    store.close()


@pytest.mark.slow
def test_concurrent_processes_process_each_request_once(new_url: Callable[[], str]) -> None:
    open_store(url := new_url()).close()
    keys = 40
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [start("tests.harness.processes.claiming_process", url, keys, **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(4) as pool:
        outputs = pool.map(lambda process: process.communicate("go\n")[0], processes)
        lines = [line for output in outputs for line in output.splitlines()]
    found = [line.split(" ", 2) for line in lines]
    assert Counter(number for kind, number, _ in found if kind == "worked") == {str(n): 1 for n in range(keys)}
    assert len(found) == 4 * keys
    assert len({(number, answer) for _, number, answer in found}) == keys


HOLDER = """
import sys, time
from serving.store.store import open_store
print(open_store(sys.argv[1]).claims.take("k1 /grade", "abc", "body").request, flush=True)
time.sleep(60)
"""


def test_killed_process_is_taken_over_at_once_and_a_suspended_one_is_not(new_url: Callable[[], str]) -> None:
    store = open_store(url := new_url())
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    request = holder.stdout.readline().strip()
    with pytest.raises(InProgressError):
        store.claims.take(SCOPE, KEY, BODY)
    os.kill(holder.pid, signal.SIGSTOP)
    with pytest.raises(InProgressError):
        store.claims.take(SCOPE, KEY, BODY)
    holder.kill()
    holder.communicate()
    taken = store.claims.take(SCOPE, KEY, BODY)
    assert (taken.request, taken.answer) == (request, None)
    store.close()


def test_processes_of_other_machines_are_never_known_to_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    me = this_process()
    assert me and not has_ended(me)
    namespace, _, rest = me.rpartition("/")
    assert has_ended(f"{namespace}/{rest}1")  # the same pid with another start time
    assert not has_ended(f"elsewhere{namespace}/{rest}1")
    assert not has_ended("")
    monkeypatch.setattr(idempotency, "PROC", Path("/nowhere"))  # not Linux
    cached = (idempotency._pid_namespace, idempotency._process_id)
    for function in cached:
        function.cache_clear()
    assert this_process() == "" and not has_ended(me)
    for function in cached:
        function.cache_clear()


def test_zombie_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    name = idempotency._process_id(child.pid)
    assert not has_ended(name)
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(name)
    child.wait()
