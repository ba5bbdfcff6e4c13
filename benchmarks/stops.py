"""Stops the service with SIGTERM, again and again, under load, and looks what became of what it had accepted.

    python benchmarks/stops.py [--rounds 20] [--clients 4] [--store URL]

The service is `grader serve` with a made-up model, over a new SQLite store, with a job in the background and somebody
who follows it. Clients send submissions with an `Idempotency-Key`, and again until they are answered, every third one
once more. Each round ends with a SIGTERM at a random moment. Prints, last, one line of JSON; exit status 1 where an
answered grade is not in the store, a program was graded twice, a retry was answered otherwise, or the process did not
end with 0 within its time to drain.
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
from chaos import made_up_lab
from keyed_clients import KeyedClients, counted, held_against, jobs_held_against
from made_up_service import LAB, Service, until

from labs_schema.lab_writer import write_lab
from serving.store.store import open_store

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
        write_lab(made_up_lab(SUBMISSIONS), Path(folder) / "labs" / LAB)
        store = given.store or f"sqlite:///{folder}/store.db"
        found = stopped(Path(folder) / "labs", store, given.rounds, given.clients, random.Random(given.seed))
    print(json.dumps(found))  # noqa: T201
    sys.exit(0 if found["ok"] else 1)


def stopped(labs: Path, url: str, rounds: int, clients: int, chance: random.Random) -> dict[str, Any]:
    began, statuses, seconds, streams = time.monotonic(), [], [], 0
    with KeyedClients(LAB, clients) as load:
        for _ in range(rounds):
            with Service(labs, url) as service:
                follower = followed(service.url, job_of(service.url))
                load.url = service.url
                served = len(load.answers)
                until(lambda served=served: len(load.answers) >= served + clients, 60)
                time.sleep(chance.uniform(0, 1))
                stopping = time.monotonic()
                statuses.append(service.end(signal.SIGTERM))
                seconds.append(time.monotonic() - stopping)
                follower.join(5)
                streams += not follower.is_alive()
        with Service(labs, url) as service:  # what was not answered yet is, and the job comes to its end
            load.url = service.url
            job = job_of(service.url)
            until(lambda: httpx.get(f"{service.url}/jobs/{job}").json()["state"] == "done", 300)
            load.stop()
            statuses.append(service.end(signal.SIGTERM))
    store = open_store(url)
    found = held_against(store, load.answers) | jobs_held_against(store)
    faults = store.verify().faults
    store.close()
    wrong = sum(
        found[name] for name in ("lost", "doubled", "other_answers", "jobs_lost", "jobs_doubled", "jobs_parked")
    )
    return {
        "rounds": rounds,
        **found,
        "streams_ended": streams,
        "exit_statuses": sorted(set(statuses)),
        "longest_stop_seconds": round(max(seconds), 2),
        "statuses": counted(load.answers),
        "ok": not wrong and not faults and set(statuses) == {0} and streams == rounds and max(seconds) < DRAIN_SECONDS,
        "seconds": round(time.monotonic() - began, 1),
    }


def job_of(url: str) -> str:
    """The job that is on its way, or a new one."""
    for job in httpx.get(f"{url}/jobs").json()["jobs"]:
        if job["state"] in ("queued", "running"):
            return str(job["id"])
    return str(httpx.post(f"{url}/labs/{LAB}/regrade").raise_for_status().json()["id"])


def followed(url: str, job: str) -> threading.Thread:
    """Somebody who reads the job's events until they end."""

    def follow() -> None:
        with httpx.stream("GET", f"{url}/jobs/{job}/events", timeout=90) as events:
            for _ in events.iter_lines():
                pass

    thread = threading.Thread(target=follow)
    thread.start()
    return thread


if __name__ == "__main__":
    main()
