"""Two API processes over one store, one killed during a request: the other takes the request over."""

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.harness.processes.forking import start

GRADE = {
    "problem": "Return 4.",
    "language": "C",
    "criteria": [{"title": "Right?", "ratings": [{"id": "A"}, {"id": "B"}]}],
    "submission": {"files": [{"filename": "main.c", "content": "int main(void) { return 4; }\n"}]},
}


class Process:
    """A service whose engine takes `seconds` for a call; Its output is its port, then a line per call."""

    def __init__(self, url: str, seconds: float) -> None:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        self.process = start("tests.harness.processes.slow_service", url, seconds, **streams)
        assert self.process.stdout
        port = self.process.stdout.readline()
        if not port:
            self.calls()
            pytest.fail("the service did not start")
        self.port = int(port)

    def post(self) -> httpx.Response:
        headers = {"Idempotency-Key": "try-1"}
        return httpx.post(f"http://127.0.0.1:{self.port}/grade", json=GRADE, headers=headers, timeout=30)

    def calls(self) -> int:
        """Kills the process; returns the number of engine calls."""
        self.process.kill()
        return self.process.communicate()[0].count("called")


@pytest.mark.slow
def test_the_claim_of_a_killed_process_is_taken_over(new_url: Callable[[], str]) -> None:
    url = new_url()
    first, second = Process(url, 60), Process(url, 0)
    try:
        posting = threading.Thread(target=lost, args=(first,))
        posting.start()
        assert first.process.stdout
        assert first.process.stdout.readline() == "called\n"
        refused = second.post()
        assert (refused.status_code, refused.json()["code"]) == (409, "request-in-progress")
        first.process.kill()
        first.process.wait()
        posting.join()
        began = time.monotonic()
        answer = second.post()
        assert (answer.status_code, time.monotonic() - began < 30) == (200, True)
        assert second.post().content == answer.content
    finally:
        first.calls()
        assert second.calls() == 1


def lost(process: Process) -> Any:
    with pytest.raises(httpx.TransportError):
        process.post()
