"""Three TAs review a lab at random through the pages of a real service that is killed again and again.

    python -m benchmarks.review_walk [--actions 2000] [--store sqlite postgresql] [--seed 0]

The service is `grader serve` with a synthetic model, killed with SIGKILL at random moments, also while a form is on its
way; browsers then send the same form to the next process. See `tests/harness/review_walk.py` for the actions. After
each one, everything in the store is compared with a model of it. Prints one line of JSON a store; exit status 1 if a
decision was lost, doubled or attributed to another person.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.chaos import new_store
from labs_schema.lab_writer import write_lab
from serving.store.store import open_store
from tests.harness.processes import ROOT, free_port
from tests.harness.review_walk import ReviewWalk
from tests.harness.service_process import Service
from tests.harness.synthetic_lab import COURSE, LAB, synthetic_lab

STUDENTS = 6


class ProcessHost:
    """`grader serve` on a port that stays the same after a restart."""

    def __init__(self, folder: Path, url: str) -> None:
        labs = folder / COURSE  # the course has the name of the folder
        write_lab(synthetic_lab(STUDENTS), labs / LAB)
        environment = {"GRADER_BLIND_SHARE": "0", "GRADER_SESSION_KEY": str(folder / "session.key")}
        self._port, self._stack, self._clients = free_port(), ExitStack(), ExitStack()
        self._new = lambda: Service(labs, url, port=self._port, env=environment)

    def client(self) -> httpx.Client:
        address = f"http://127.0.0.1:{self._port}"
        return self._clients.enter_context(httpx.Client(base_url=address, follow_redirects=True, timeout=60))

    def restart(self) -> None:
        self._stack.enter_context(self._new())

    def kill(self) -> None:
        self._stack.close()

    def end(self) -> None:
        self._clients.close()
        self.kill()


@contextmanager
def process_host(folder: Path, url: str) -> Iterator[ProcessHost]:
    host = ProcessHost(folder, url)
    try:
        yield host
    finally:
        host.end()


def walked(url: str, actions: int, seed: int) -> dict[str, Any]:
    """One walk's figures. Stops at the first fault."""
    began, store = time.monotonic(), open_store(url)
    with tempfile.TemporaryDirectory() as folder, process_host(Path(folder), url) as host:
        walk = ReviewWalk(store, host, synthetic_lab(STUDENTS), COURSE, seed)
        failure = ""
        try:
            for number in range(actions):
                walk.step()
                if number % 100 == 99:
                    print(f"{number + 1} of {actions} actions", file=sys.stderr)  # noqa: T201
        except AssertionError as error:
            failure = str(error)[:2000]
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
    given = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    ok = True
    for kind in given.store:
        with new_store(kind) as url:
            found = walked(url, given.actions, given.seed)
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
