"""`grader regrade` as a process that is killed again and again: the results are those of one that never was."""

import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from serving.jobs.job import State
from serving.jobs.repository import JobRepository
from serving.store.store import open_store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import COURSE, synthetic_lab
from tests.harness.processes.forking import ForkedProcess, start
from tests.harness.stores.exactly_once import assert_exactly_once

STUDENTS, KILLS = 64, 3


@pytest.mark.slow
def test_kills_lose_duplicate_and_change_no_result(results_in: Any, tmp_path: Path) -> None:
    lab, chance = synthetic_lab(STUDENTS), random.Random(0)
    write_lab(lab, tmp_path / COURSE / "chaos")
    module, folder = "tests.harness.processes.synthetic_command", tmp_path / COURSE / "chaos"
    command = [module, 0.02, "regrade", folder, "--model", "a/hash"]

    def begin(out: str) -> ForkedProcess:
        store = {"GRADER_STORE": f"sqlite:///{tmp_path}/{out}.db"}
        return start(*command, "--out", tmp_path / out, env=store, stdout=subprocess.DEVNULL)

    whole = begin("whole")
    for number in range(KILLS):
        killed = begin("killed")
        _wait_for(tmp_path / "killed.db", more_than=16 * number)
        time.sleep(chance.uniform(0, 0.3))
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL, "it was over before it could be killed"
    assert begin("killed").wait(60) == whole.wait(60) == 0
    whole_results = results_in(tmp_path / "whole")
    assert len(whole_results) == 5 and whole_results == results_in(tmp_path / "killed")
    store = open_store(f"sqlite:///{tmp_path}/killed.db")
    [job] = JobRepository(store.database).all()
    progress = JobRepository(store.database).progress(job.id)
    assert (progress.state, progress.graded, progress.parked) == (State.DONE, STUDENTS, ())
    assert_exactly_once(store, job, lab)
    store.close()


def _wait_for(path: Path, more_than: int) -> None:
    """Waits for this many grades in the store."""
    end = time.monotonic() + 60
    while True:
        assert time.monotonic() < end, "waited too long"
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as opened:
                if opened.execute("SELECT count(*) FROM grades").fetchone()[0] >= min(more_than, STUDENTS - 1):
                    return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.02)
