"""`grader serve` in processes that start quickly: each is forked from a process that has imported everything.

python -m tests.harness.processes.forked_service LABS STORE_URL PORT

Starts a service for each line on standard input, and prints its process id; then, when it ends, an empty line.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.harness.processes.forking import start, wait_until
from tests.harness.processes.service_process import synthetic_grader

PR_SET_PDEATHSIG = 1


def main() -> None:
    labs, store, port = sys.argv[1:]
    os.environ["GRADER_STORE"] = store
    _end_with_parent()
    from grader.service import engine
    from grader.service.service import ServeOptions, run_service

    grader = synthetic_grader(0.02)
    engine.load_grader = lambda *_, **__: grader
    options = ServeOptions(model="synthetic", labs=Path(labs), port=int(port), seconds=30, rate="100000/second")
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            _end_with_parent()
            run_service(options)
            os._exit(0)
        print(child, flush=True)  # noqa: T201
        os.waitpid(child, 0)
        print(flush=True)  # noqa: T201


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ForkedServices:
    """One service at a time on `port`, with the model of `service_process`. `log`: the file of its messages."""

    def __init__(self, labs: Path, store: str, port: int, *, log: Path, env: Mapping[str, str]) -> None:
        self.url, self._log, self._service = f"http://127.0.0.1:{port}", log, 0
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with log.open("w") as messages:
            self._parent = start(
                "tests.harness.processes.forked_service", labs, store, port, stderr=messages, env=dict(env), **pipes
            )

    def restart(self) -> None:
        """Returns once the service answers."""
        assert self._parent.stdin and self._parent.stdout
        self._parent.stdin.write("start\n")
        self._parent.stdin.flush()
        self._service = int(self._parent.stdout.readline() or 0)
        if not self._service:
            raise RuntimeError(self._log.read_text()[-3000:])
        wait_until(lambda: httpx.get(f"{self.url}/healthz", timeout=30).status_code == 200, 120, httpx.TransportError)

    def kill(self) -> None:
        """SIGKILL. Returns once the process has ended."""
        if self._service:
            assert self._parent.stdout
            os.kill(self._service, signal.SIGKILL)
            self._parent.stdout.readline()
            self._service = 0

    def close(self) -> None:
        self.kill()
        self._parent.communicate()


if __name__ == "__main__":
    main()
