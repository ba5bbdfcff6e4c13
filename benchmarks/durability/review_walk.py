"""Three TAs review a lab at random through the pages of a real service that is killed again and again.

    python -m benchmarks.durability.review_walk [--actions 2000] [--store sqlite postgresql]
        [--seed 0] [--kinds answer act]

The service is `grader serve` with a synthetic model, killed with SIGKILL at random moments, also while a form is on its
way; browsers then send the same form to the next process. See `tests/harness/review` for the actions. After each one,
everything in the store is compared with a model of it. Prints one line of JSON a store; exit status 1 if a decision was
lost, doubled or attributed to another person.

Time: 20 minutes for each store. Figures: docs/measurements/reviewing.md.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.durability.chaos import new_store
from serving.jobs.repository import JobRepository
from serving.store.store import Store, open_store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import COURSE, LAB
from tests.harness.processes.forked_service import ForkedServices
from tests.harness.processes.forking import ROOT, free_port, wait_until
from tests.harness.review.walk import KINDS, ReviewWalk, walk_lab


class ProcessHost:
    """`grader serve` on a port that stays the same after a restart."""

    def __init__(self, folder: Path, url: str, store: Store) -> None:
        labs = folder / COURSE  # the course has the name of the folder
        self.folder, self._jobs, self._clients = labs / LAB, JobRepository(store.database), ExitStack()
        write_lab(walk_lab(), self.folder)
        environment = {"GRADER_BLIND_SHARE": "0", "GRADER_SESSION_KEY": str(folder / "session.key")}
        self._services = ForkedServices(labs, url, free_port(), log=folder / "service.log", env=environment)

    def client(self) -> httpx.Client:
        opened = httpx.Client(base_url=self._services.url, follow_redirects=True, timeout=60)
        return self._clients.enter_context(opened)

    def restart(self) -> None:
        self._services.restart()

    def kill(self) -> None:
        self._services.kill()

    def work(self, job: str) -> None:
        """Waits for the service's own worker; a chunk of a killed one is free after its lease."""
        wait_until(lambda: self._jobs.progress(job).job.finished_at, 120)

    def end(self) -> None:
        self._clients.close()
        self._services.close()


@contextmanager
def process_host(folder: Path, url: str, store: Store) -> Iterator[ProcessHost]:
    host = ProcessHost(folder, url, store)
    try:
        yield host
    finally:
        host.end()


def walked(url: str, actions: int, seed: int, kinds: Collection[str] = KINDS) -> dict[str, Any]:
    """One walk's figures. Stops at the first fault."""
    began, store = time.monotonic(), open_store(url)
    with tempfile.TemporaryDirectory() as folder, process_host(Path(folder), url, store) as host:
        walk = ReviewWalk(store, host, COURSE, seed, kinds)
        failure = ""
        try:
            for number in range(actions):
                walk.step()
                if number % 100 == 99:
                    print(f"{number + 1} of {actions} actions", file=sys.stderr)  # noqa: T201
        except (AssertionError, httpx.HTTPError, TimeoutError):
            failure = traceback.format_exc()[-3000:]
        found = walk.finish()
    store.close()
    faults = ("lost", "doubled", "misattributed", "other_decisions", "audit_faults")
    return {
        "actions": walk.number,
        **found,
        **{name.replace(" ", "_"): count for name, count in sorted(walk.counts.items())},
        "seed": seed,
        "seconds": round(time.monotonic() - began, 1),
        "failure": failure,
        "ok": not failure and not any(found[name] for name in faults),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=2000)
    parser.add_argument("--store", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS, help="only these kinds of actions")
    given = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    ok = True
    for kind in given.store:
        with new_store(kind) as url:
            found = walked(url, given.actions, given.seed, given.kinds)
        machine = {
            "commit": commit.stdout.strip(),
            "date": time.strftime("%Y-%m-%d"),
            "python": platform.python_version(),
        }
        print(json.dumps({"store": kind.partition(":")[0], **found, **machine}), flush=True)  # noqa: T201
        ok &= found["ok"]
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
