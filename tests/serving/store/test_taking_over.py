"""What a killed process was working on is taken over at once, what a living one works on never."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from serving.store import processes
from serving.store.errors import InProgressError, StoreError
from serving.store.processes import has_ended, this_process
from serving.store.store import open_store

HOLDER = """
import sys, time
from serving.store.store import open_store
print(open_store(sys.argv[1]).idempotent("k1 /grade", "abc", "body").request, flush=True)
time.sleep(60)
"""


def test_a_killed_holders_request_is_taken_over_at_once_and_a_living_ones_is_not(new_url: Callable[[], str]) -> None:
    store = open_store(url := new_url())
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    request = holder.stdout.readline().strip()
    with pytest.raises(InProgressError):
        store.idempotent("k1 /grade", "abc", "body")
    os.kill(holder.pid, signal.SIGSTOP)  # it hangs, and may go on
    with pytest.raises(InProgressError):
        store.idempotent("k1 /grade", "abc", "body")
    holder.kill()
    holder.communicate()
    taken = store.idempotent("k1 /grade", "abc", "body")
    assert (taken.request, taken.answer) == (request, None)
    store.close()


def test_work_given_up_while_the_database_was_away_may_be_tried_again_once_it_is_back(
    new_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> NoReturn:
        raise StoreError("The store cannot be used.")

    store = open_store(new_url())
    claim = store.idempotent("k1 /grade", "abc", "body")
    with monkeypatch.context() as outage:
        outage.setattr("serving.store.store.write", away)
        with pytest.raises(StoreError):
            store.abandoned(claim)
    again = store.idempotent("k1 /grade", "abc", "body")
    assert (again.request, again.answer) == (claim.request, None)
    store.close()


def test_of_a_process_of_another_machine_or_container_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    me = this_process()
    assert me and not has_ended(me)
    space, _, rest = me.rpartition("/")
    assert has_ended(f"{space}/{rest}1")  # this number began at another time
    assert not has_ended(f"elsewhere{space}/{rest}1")
    assert not has_ended("")
    monkeypatch.setattr(processes, "PROC", Path("/nowhere"))  # no Linux
    for told in (processes._space, processes._named):
        told.cache_clear()
    assert this_process() == "" and not has_ended(me)
    for told in (processes._space, processes._named):
        told.cache_clear()


def test_who_has_ended_and_was_not_looked_after_yet_has_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    name = processes._named(child.pid)
    assert not has_ended(name)
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(name)
    child.wait()
