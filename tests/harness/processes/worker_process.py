"""A worker as a process, with a synthetic lab and model, which prints `ready` once it has started.

python -m tests.harness.processes.worker_process STORE_URL NAME [--submissions 64] [--pace 0.1] [--course cs101 ...]
"""

import argparse
import time

from labs_schema.limits import JobLimits
from serving.jobs.worker.worker import Worker
from serving.store.store import open_store
from tests.harness.courses.synthetic_lab import HashBackend, synthetic_lab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("name")
    parser.add_argument("--submissions", type=int, default=64)
    parser.add_argument("--pace", type=float, default=0.1, help="seconds a submission")
    parser.add_argument("--course", nargs="+", help="grades only these courses")
    parser.add_argument("--dead-seconds", type=float, default=5)
    given = parser.parse_args()
    backend = HashBackend(open_store(given.store), synthetic_lab(given.submissions), given.pace)
    courses = None if given.course is None else lambda: given.course
    limits = JobLimits(dead_seconds=given.dead_seconds, poll_seconds=0.1)
    Worker(backend, given.name, courses=courses, limits=limits).start()
    print("ready", flush=True)  # noqa: T201
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
