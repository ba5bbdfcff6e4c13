"""The service is stopped under load, and loses its database; `make stops` and `make outage` do it for longer."""

import random
from pathlib import Path

import pytest

from benchmarks.durability.outage import outage
from benchmarks.durability.stops import SUBMISSIONS, stopped
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import LAB, synthetic_lab


@pytest.mark.slow
def test_a_stop_answers_every_accepted_request_once_and_ends_streams(tmp_path: Path) -> None:
    write_lab(synthetic_lab(SUBMISSIONS), tmp_path / "labs" / LAB)
    found = stopped(tmp_path / "labs", f"sqlite:///{tmp_path}/store.db", 2, 4, random.Random(0))
    assert found["exit_statuses"] == [0] and found["streams_ended"] == 2
    assert found["lost"] == found["duplicated"] == found["other_answers"] == 0
    assert found["jobs_lost"] == found["jobs_duplicated"] == found["jobs_parked"] == 0
    assert found["ok"], found


@pytest.mark.slow
def test_a_service_and_its_job_recover_from_a_postgresql_outage_and_it_stops_during_another() -> None:
    found = outage(4, submissions=100)
    assert set(found["meanwhile"]) <= {"503"}
    assert {"store-unavailable"} <= set(found["problems_meanwhile"]) <= {"store-unavailable", "outcome-unknown"}
    assert found["without_retry_after"] == 0 and found["readyz_meanwhile"] == 503
    assert found["job"] == "done"
    assert found["lost"] == found["duplicated"] == 0
    assert found["jobs_lost"] == found["jobs_duplicated"] == found["jobs_parked"] == 0
    assert found["exit_status"] == 0
    assert found["ok"], found
