"""The service is stopped under load, and loses its database; `make stops` and `make outage` do it for longer."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.harness.processes import ROOT


def run(script: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.{script}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_a_stop_answers_every_accepted_request_once_and_ends_streams() -> None:
    found = run("stops", "--rounds", "2")
    assert found["exit_statuses"] == [0] and found["streams_ended"] == 2
    assert found["lost"] == found["duplicated"] == found["other_answers"] == 0
    assert found["jobs_lost"] == found["jobs_duplicated"] == found["jobs_parked"] == 0


@pytest.mark.slow
def test_a_service_and_its_job_recover_from_a_postgresql_outage() -> None:
    found = run("outage", "--seconds", "6")
    assert set(found["meanwhile"]) <= {"503"}
    assert {"store-unavailable"} <= set(found["problems_meanwhile"]) <= {"store-unavailable", "outcome-unknown"}
    assert found["without_retry_after"] == 0 and found["readyz_meanwhile"] == 503
    assert found["job"] == "done"
    assert found["lost"] == found["duplicated"] == 0
    assert found["jobs_lost"] == found["jobs_duplicated"] == found["jobs_parked"] == 0


@pytest.mark.slow
def test_a_service_stops_while_postgresql_is_down() -> None:
    assert run("outage", "--stop")["exit_status"] == 0
