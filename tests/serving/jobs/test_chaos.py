"""Workers that are killed again and again, over both databases; `make chaos` does the same for longer."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CHAOS = Path(__file__).parents[3] / "benchmarks" / "chaos.py"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_no_grade_is_lost_doubled_or_changed_by_kills(workers: int, new_url: Callable[[], str]) -> None:
    given = ["--submissions", "120", "--kills", "5", "--workers", str(workers), "--store", new_url()]
    done = subprocess.run([sys.executable, str(CHAOS), *given], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[0])
    assert found["kills"] == (5 if workers else 1) and found["state"] == "done"
    assert found["lost"] == found["doubled"] == found["changed"] == found["parked"] == 0
