"""Sends grades to fake platforms over a network that fails in every way, and kills the sender with SIGKILL.

    python -m benchmarks.durability.deliveries [--students 500] [--kills 10] [--platform canvas-service ...]

A fifth of the requests fails: dropped before or after they are processed, late by five requests, processed twice or by
half, refused with 500 or 429. Every student gets a grade and then another one; in both rounds the sender is killed and
started again. At the end every value on the platform must be that of the store. Prints a line of JSON for each
platform; exit status 1 if a value differs, or a comment, attempt or notification was repeated.

Time: an hour for all platforms. Figures: docs/measurements/deliveries.md.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from serving.store.database import PRAGMAS
from tests.harness.processes.killed_sender import KINDS, killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=500)
    parser.add_argument("--kills", type=int, default=10, help="SIGKILLs in each of the two rounds")
    parser.add_argument("--platform", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    PRAGMAS["synchronous"] = "OFF"  # processes are killed, not the machine
    right = True
    for kind in given.platform:
        with tempfile.TemporaryDirectory() as folder:
            found = killed(kind, given.students, given.kills, given.seed, Path(folder))
        print(json.dumps(found), flush=True)  # noqa: T201
        right &= found["ok"]
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
