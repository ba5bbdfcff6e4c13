"""Stops the service with SIGTERM, again and again, under load, and checks every request that it had accepted.

    python -m benchmarks.durability.stops [--rounds 20] [--clients 4] [--store URL]

The service is `grader serve` with a synthetic model, over a new SQLite store, with a job in the background and a client
that reads its events. Clients retry each submission with its `Idempotency-Key` until it is answered, and send every
third one once more. Each round ends with a SIGTERM at a random moment. Prints, last, one line of JSON; exit status 1 if
an answered grade is not in the store, a program was graded twice, a retry got another answer, or the process did not
end with 0 within its time to drain.

Time: minutes. Figures: docs/measurements/fault-tolerance.md.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from serving.store.store import open_store
from tests.harness.clients import RetryingClients, count_statuses
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import LAB, synthetic_lab
from tests.harness.processes.forking import wait_until
from tests.harness.processes.service_process import Service
from tests.harness.stores.exactly_once import all_jobs_faults, answer_faults

DRAIN_SECONDS = 60
SUBMISSIONS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--store")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_lab(synthetic_lab(SUBMISSIONS), Path(folder) / "labs" / LAB)
        store = given.store or f"sqlite:///{folder}/store.db"
        found = stopped(Path(folder) / "labs", store, given.rounds, given.clients, random.Random(given.seed))
    print(json.dumps(found))  # noqa: T201
    sys.exit(0 if found["ok"] else 1)


def stopped(labs: Path, url: str, rounds: int, clients: int, chance: random.Random) -> dict[str, Any]:
    began, statuses, seconds, streams = time.monotonic(), [], [], 0
    with RetryingClients(LAB, clients) as load:
        for _ in range(rounds):
            with Service(labs, url) as service:
                follower = followed(service.url, job_of(service.url))
                load.url = service.url
                served = len(load.answers)
                wait_until(lambda served=served: len(load.answers) >= served + clients, 60)
                time.sleep(chance.uniform(0, 1))
                stopping = time.monotonic()
                statuses.append(service.end(signal.SIGTERM))
                seconds.append(time.monotonic() - stopping)
                follower.join(5)
                streams += not follower.is_alive()
        with Service(labs, url) as service:  # answers what is left, and the job is completed
            load.url = service.url
            job = job_of(service.url)
            wait_until(lambda: httpx.get(f"{service.url}/jobs/{job}", timeout=60).json()["state"] == "done", 300)
            load.stop()
            statuses.append(service.end(signal.SIGTERM))
    store = open_store(url)
    found = answer_faults(store, load.answers) | all_jobs_faults(store)
    faults = store.verify().faults
    store.close()
    wrong = sum(
        found[name] for name in ("lost", "duplicated", "other_answers", "jobs_lost", "jobs_duplicated", "jobs_parked")
    )
    return {
        "rounds": rounds,
        **found,
        "streams_ended": streams,
        "exit_statuses": sorted(set(statuses)),
        "longest_stop_seconds": round(max(seconds), 2),
        "statuses": count_statuses(load.answers),
        "ok": not wrong and not faults and set(statuses) == {0} and streams == rounds and max(seconds) < DRAIN_SECONDS,
        "seconds": round(time.monotonic() - began, 1),
    }


def job_of(url: str) -> str:
    """The unfinished job, or a new one."""
    for job in httpx.get(f"{url}/jobs", timeout=60).json()["jobs"]:
        if job["state"] in ("queued", "running"):
            return str(job["id"])
    return str(httpx.post(f"{url}/labs/{LAB}/regrade", timeout=60).raise_for_status().json()["id"])


def followed(url: str, job: str) -> threading.Thread:
    """A client that reads the job's events until they end."""

    def follow() -> None:
        with httpx.stream("GET", f"{url}/jobs/{job}/events", timeout=90) as events:
            for _ in events.iter_lines():
                pass

    thread = threading.Thread(target=follow)
    thread.start()
    return thread


if __name__ == "__main__":
    main()
