"""Stops PostgreSQL under a running service and starts it again.

    python -m benchmarks.durability.outage [--seconds 75] [--freeze]

The service is `grader serve` with a synthetic model and an unfinished job, over a PostgreSQL server of its own, which
is stopped in the middle as if its machine went down. Clients retry each submission with its `Idempotency-Key` until it
is answered. Nothing else is restarted. Afterwards the database goes down again in the middle of another job, and the
service is stopped. Prints, last, one line of JSON; exit status 1 if a grade was lost or duplicated, an answer was
neither 200 nor 503 with Retry-After, the job was not completed, or the service did not end with 0.
--freeze suspends the server's processes instead, with all connections open; each refusal must come within 15 s.

Time: minutes. Figures: docs/measurements/fault-tolerance.md.
"""

import argparse
import json
import math
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from serving.store.store import open_store
from tests.harness.clients import Answer, RetryingClients, count_statuses
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import LAB, synthetic_lab
from tests.harness.processes.forking import wait_until
from tests.harness.processes.service_process import Service
from tests.harness.stores.exactly_once import all_jobs_faults, answer_faults
from tests.harness.stores.postgresql import PostgresqlServer

SUBMISSIONS, CLIENTS, MILLISECONDS = 400, 3, 30
REFUSED_SECONDS = 15.0
PACE = 0.2
"""Seconds that a client waits between two submissions, so that the job makes progress too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=75)
    parser.add_argument("--freeze", action="store_true")
    given = parser.parse_args()
    found = outage(given.seconds, freeze=given.freeze)
    print(json.dumps(found))  # noqa: T201
    sys.exit(0 if found["ok"] else 1)


def outage(seconds: float, *, freeze: bool = False, submissions: int = SUBMISSIONS) -> dict[str, Any]:
    """An outage of `seconds`, and one during which the service is stopped. `submissions`: of the lab that is graded."""
    with tempfile.TemporaryDirectory() as folder, PostgresqlServer() as database:
        labs = Path(folder) / "labs"
        write_lab(synthetic_lab(submissions), labs / LAB)
        with Service(labs, database.url, milliseconds=MILLISECONDS) as service:
            take, give = (database.freeze, database.thaw) if freeze else (database.stop, database.start)
            try:
                found = survive(database.url, service, seconds, take, give)
                stop = stopped(service, take)
            finally:
                give()
    return {**found, **stop, "ok": found["ok"] and stop["exit_status"] == 0}


def survive(
    url: str, service: Service, seconds: float, take: Callable[[], None], give: Callable[[], None]
) -> dict[str, Any]:
    """Counts the responses during the outage and measures the recovery time."""
    job = start_job(service.url)
    with RetryingClients(LAB, CLIENTS, service.url, PACE) as clients:
        wait_until(lambda: progress(service.url, job)["graded"] > 0, 60)
        take()
        away = time.monotonic()
        time.sleep(seconds)
        ready = httpx.get(f"{service.url}/readyz", timeout=30).status_code
        back = time.monotonic()
        give()
        wait_until(lambda: any(answer.status == 200 for answer in clients.since(back)), 120)
        answered = min(a.at + a.seconds for a in clients.since(back) if a.status == 200) - back
        wait_until(lambda: progress(service.url, job)["state"] in ("done", "failed"), 300)
        done, state = time.monotonic() - back, progress(service.url, job)["state"]
    meanwhile = [answer for answer in clients.since(away) if answer.at + answer.seconds < back]
    store = open_store(url)
    lost = answer_faults(store, clients.answers) | all_jobs_faults(store)
    faults = store.verify().faults
    store.close()
    wrong = sum(
        lost[name] for name in ("lost", "duplicated", "other_answers", "jobs_lost", "jobs_duplicated", "jobs_parked")
    )
    refused = [answer for answer in meanwhile if answer.status == 503]
    found = {
        "away_seconds": round(seconds, 1),
        "meanwhile": count_statuses(meanwhile),
        "problems_meanwhile": sorted({answer.code for answer in refused}),
        "without_retry_after": sum(not answer.retry_after for answer in refused),
        "refused_ms_p99": p99(refused),
        "refused_seconds_most": round(max((answer.seconds for answer in refused), default=0), 1),
        "readyz_meanwhile": ready,
        "statuses": count_statuses(clients.answers),
        "answers_again_after_seconds": round(answered, 1),
        "job": state,
        "job_done_after_seconds": round(done, 1),
        **lost,
    }
    soon = found["refused_seconds_most"] <= REFUSED_SECONDS
    right = state == "done" and not faults and not wrong and not found["without_retry_after"] and soon
    return {**found, "ok": right and set(found["statuses"]) <= {"200", "503", "409"}}


def stopped(service: Service, take: Callable[[], None]) -> dict[str, Any]:
    job = start_job(service.url)
    wait_until(lambda: progress(service.url, job)["graded"] > 0, 60)
    take()
    time.sleep(5)
    began = time.monotonic()
    status = service.end(signal.SIGTERM)
    return {"exit_status": status, "stop_seconds": round(time.monotonic() - began, 1)}


def start_job(url: str) -> str:
    return str(httpx.post(f"{url}/labs/{LAB}/regrade", timeout=60).raise_for_status().json()["id"])


def progress(url: str, job: str) -> dict[str, Any]:
    got = httpx.get(f"{url}/jobs/{job}", timeout=60)
    return got.json() if got.status_code == 200 else {"state": "unknown", "graded": 0}


def p99(answers: list[Answer]) -> float | None:
    took = sorted(answer.seconds for answer in answers)
    return round(1000 * took[math.ceil(0.99 * len(took)) - 1], 1) if took else None


if __name__ == "__main__":
    main()
