"""An observer as a process, whose checks take `--pace` seconds and pass for programs with an even number.

python -m tests.harness.processes.observer_process STORE_URL NAME LOG [--pace 0.1] [--threads 2]
"""

import argparse
import time
from pathlib import Path

from labs_schema.hashes import files_hash
from labs_schema.limits import JobLimits
from labs_schema.models import Submission
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from serving.observer.queue import ObservationQueue
from serving.observer.worker import ObserverWorker
from serving.store.store import open_store
from tests.harness.courses.synthetic_lab import COURSE

DEAD_SECONDS = 3.0


class EvenPasses:
    """Runs nothing. Appends each student to `log` when their checks have been run."""

    def __init__(self, log: Path, pace: float) -> None:
        self._log, self._pace = log, pace

    def observe(self, submission: Submission) -> SubmissionObservations:
        time.sleep(self._pace)
        with self._log.open("a") as file:
            file.write(f"{submission.student}\n")
        return even_passes(submission)


def even_passes(submission: Submission) -> SubmissionObservations:
    number = int("".join(each for each in submission.files[0].text if each.isdigit()) or 0)
    outcome = Outcome.FAILED if number % 2 else Outcome.PASSED
    result = CheckResult(check="even", kind=CheckKind.TEST, outcome=outcome)
    return SubmissionObservations(submission=files_hash(submission), results=(result,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("name")
    parser.add_argument("log", type=Path)
    parser.add_argument("--pace", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    limits = JobLimits(dead_seconds=DEAD_SECONDS)
    observer = EvenPasses(given.log, given.pace)
    queue = ObservationQueue(open_store(given.store).database, dead_seconds=DEAD_SECONDS)
    worker = ObserverWorker(
        queue, lambda _: observer, lambda: [COURSE], name=given.name, threads=given.threads, limits=limits
    )
    worker.start()
    print("ready", flush=True)  # noqa: T201
    worker.stopping.wait()


if __name__ == "__main__":
    main()
