"""The service with a made-up model, stopped under load and without its database; `make stops` and `make outage` do it
for longer."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_whoever_was_accepted_before_a_stop_is_answered_once_and_streams_end() -> None:
    found = run("stops.py", "--rounds", "5")
    assert found["exit_statuses"] == [0] and found["streams_ended"] == 5
    assert found["lost"] == found["doubled"] == found["other_answers"] == 0
    assert found["jobs_lost"] == found["jobs_doubled"] == found["jobs_parked"] == 0


@pytest.mark.slow
def test_a_service_outlives_an_outage_of_postgresql_and_its_job_goes_on_by_itself() -> None:
    found = run("outage.py", "--seconds", "6", "--patience", "2")
    assert set(found["meanwhile"]) <= {"503"}
    assert {"store-unavailable"} <= set(found["problems_meanwhile"]) <= {"store-unavailable", "outcome-unknown"}
    assert found["without_retry_after"] == 0 and found["readyz_meanwhile"] == 503
    assert found["job"] == "done"
    assert found["lost"] == found["doubled"] == found["jobs_lost"] == found["jobs_doubled"] == found["jobs_parked"] == 0


@pytest.mark.slow
def test_a_service_can_be_stopped_while_postgresql_is_away() -> None:
    assert run("outage.py", "--stop")["exit_status"] == 0
