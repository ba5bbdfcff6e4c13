"""Workers that are killed again and again, over both databases; `make chaos` does it for longer."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.harness.processes import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, *(pytest.param(n, marks=pytest.mark.nightly) for n in (0, 1))])
def test_kills_lose_duplicate_and_change_no_grade(workers: int, new_url: Callable[[], str]) -> None:
    given = ["--submissions", "120", "--kills", "5", "--workers", str(workers), "--store", new_url()]
    command = [sys.executable, "-m", "benchmarks.chaos", *given]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[0])
    assert found["kills"] == (5 if workers else 1) and found["state"] == "done"
    assert found["lost"] == found["duplicated"] == found["changed"] == found["parked"] == 0
