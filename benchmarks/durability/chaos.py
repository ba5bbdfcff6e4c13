"""Kills the workers of a job with SIGKILL, again and again, and checks the grades.

    python -m benchmarks.durability.chaos [--submissions 500] [--kills 50] [--workers 1 3] [--store sqlite postgresql]

A synthetic lab is regraded by real worker processes, and by `grader regrade` (0 workers, a fifth of the kills), over a
new SQLite file and over a PostgreSQL server of its own; a store's URL is accepted too. The model is a function of the
program's text, so every grade is known. A fifth of the kills hit a worker that has just been restarted. At the end the
grades must be those of a run without kills: none lost, duplicated, changed or parked, and the audit chain must verify.
Prints a line of JSON for each run and, last, one for all; exit status 1 if anything is wrong, or if a job was done
before all kills.

Time: 10 minutes. Figures: docs/measurements/fault-tolerance.md.
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from serving.jobs.job import State
from serving.jobs.repository import JobRepository
from serving.store.store import open_store
from tests.harness.courses.synthetic_lab import COURSE, synthetic_lab
from tests.harness.processes.forking import ForkedProcess, start
from tests.harness.processes.killed_regrade import killed
from tests.harness.stores.exactly_once import job_faults
from tests.harness.stores.postgresql import PostgresqlServer

FAULTS = ("lost", "duplicated", "changed", "parked")
PACE = 0.02
"""The model's seconds for a submission with one worker; see `--pace`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=500)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 3, 0])
    parser.add_argument("--store", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, help="seconds a submission; long enough for all kills by default")
    given = parser.parse_args()
    runs = []
    for kind in given.store:
        for count in given.workers:
            with new_store(kind) as url:
                found = run(url, given.submissions, given.kills, count, given.seed, given.pace)
            runs.append({"store": kind.partition(":")[0], **found})
            print(json.dumps(runs[-1]), flush=True)  # noqa: T201
    sums = {name: sum(each[name] for each in runs) for name in (*FAULTS, "kills", "kills_while_recovering", "seconds")}
    ok = all(each["ok"] for each in runs)
    print(json.dumps({"runs": len(runs), **sums, "ok": ok}))  # noqa: T201
    sys.exit(0 if ok else 1)


@contextmanager
def new_store(kind: str) -> Iterator[str]:
    """The URL of a store: `kind` itself, unless it is `sqlite` or `postgresql`."""
    if kind == "postgresql":
        with PostgresqlServer() as server:
            yield server.url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/store.db" if kind == "sqlite" else kind


def run(url: str, submissions: int, kills: int, count: int, seed: int, pace: float | None) -> dict[str, Any]:
    """One run's figures; `ok` is False if anything is wrong."""
    if count:
        # The others continue while one worker restarts, which takes about 3 s.
        pace = pace or max(PACE, 4 * (count - 1) * kills / submissions)
        found = chaos(url, submissions, kills, count, seed, pace)
    else:
        kills = math.ceil(kills / 5)
        found = killed(url, synthetic_lab(submissions), kills, seed)
    right = not any(found[name] for name in FAULTS) and found["kills"] == kills
    return {**found, "ok": found["ok"] and right}


class Workers:
    """Worker processes by name; each is restarted when it is killed."""

    def __init__(self, url: str, submissions: int, count: int, pace: float) -> None:
        self._url, self._options = url, ["--submissions", submissions, "--pace", pace]
        self._starting: set[str] = set()
        self.running = {name: self._start(name) for name in (f"worker-{i}" for i in range(count))}

    def _start(self, name: str) -> ForkedProcess:
        self._starting.add(name)
        return start("tests.harness.processes.worker_process", self._url, name, *self._options, stdout=subprocess.PIPE)

    def ready(self, name: str) -> None:
        """Returns once the worker has started."""
        if name in self._starting:
            out = self.running[name].stdout
            if out is None or out.readline() != b"ready\n":
                raise RuntimeError(f"{name} did not start")
            self._starting.remove(name)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].communicate()
        self.running[name] = self._start(name)

    def stop(self) -> None:
        for process in self.running.values():
            process.kill()
            process.communicate()


def chaos(url: str, submissions: int, kills: int, count: int, seed: int, pace: float) -> dict[str, Any]:
    """Runs the job, kills workers and counts the faults of its grades."""
    lab, chance = synthetic_lab(submissions), random.Random(seed)
    store = open_store(url)
    jobs = JobRepository(store.database)
    job = jobs.add(COURSE, lab, actor="chaos")
    workers = Workers(url, submissions, count, pace)
    started = time.monotonic()
    try:
        for name in workers.running:
            workers.ready(name)
        killed_recovering = 0
        for number in range(kills):
            name = chance.choice(list(workers.running))
            if number % 5 == 4:
                killed_recovering += 1
                time.sleep(chance.uniform(0, 0.3))
            else:
                workers.ready(name)
                time.sleep(chance.uniform(0, 2 * submissions * PACE / max(kills, 1)))
            if jobs.progress(job.id).state is State.DONE:
                kills = number
                break
            workers.kill(name)
        while (progress := jobs.progress(job.id)).state is not State.DONE and time.monotonic() - started < 1200:
            time.sleep(0.2)
    finally:
        workers.stop()
    ok = progress.state is State.DONE and not store.verify().faults
    faults = job_faults(store, job, lab)
    store.close()
    return {
        "kills": kills,
        "kills_while_recovering": killed_recovering,
        "workers": count,
        "state": progress.state,
        "submissions": submissions,
        **faults,
        "ok": ok,
        "seconds": round(time.monotonic() - started, 1),
    }


if __name__ == "__main__":
    main()
