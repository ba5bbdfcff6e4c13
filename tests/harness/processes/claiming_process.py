"""Claims and answers requests once a line has come on standard input, and prints what it did with each.

python -m tests.harness.processes.claiming_process STORE_URL COUNT
"""

import sys
import time

from serving.store.errors import InProgressError
from serving.store.store import open_store


def main() -> None:
    store = open_store(sys.argv[1])
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    for number in range(int(sys.argv[2])):
        while True:
            try:
                claim = store.claims.take("k1 /grade", f"key{number}", "body")
            except InProgressError:
                time.sleep(0.01)
                continue
            break
        if claim.answer is None:
            answer = store.claims.record_answer(claim, f"{claim.holder} {number}")
            print("worked", number, answer, flush=True)  # noqa: T201
        else:
            print("repeated", number, claim.answer, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
