"""Two API processes over one store, one killed during a request: the other takes the request over."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[4]
SERVER = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from tests.harness.service_process import synthetic_grader
from serving.api.app import create_app
from serving.scheduler.engine_thread import EngineThread
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import OneCourse
from serving.api.server import server
from serving.store.store import open_store

def slow():
    grader = synthetic_grader(0)
    at_once = grader.grade_each
    def grade_each(work, **given):
        print("called", flush=True)
        time.sleep(float(sys.argv[3]))
        return at_once(work, **given)
    grader.grade_each = grade_each
    return grader

app = create_app(EngineThread(slow), OneCourse("course", LabRegistry()), open_store(sys.argv[2]))
report = lambda: print(http.servers[0].sockets[0].getsockname()[1], flush=True)
http = server(app, app.state.service.stopping, 5, report)
http.config.port = 0
http.run()
"""
GRADE = {
    "problem": "Return 4.",
    "language": "C",
    "criteria": [{"title": "Right?", "ratings": [{"id": "A"}, {"id": "B"}]}],
    "submission": {"files": [{"filename": "main.c", "content": "int main(void) { return 4; }\n"}]},
}


class Process:
    """A service whose engine takes `seconds` for a call; Its output is its port, then a line per call."""

    def __init__(self, url: str, seconds: float) -> None:
        command = [sys.executable, "-c", SERVER, str(ROOT), url, str(seconds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
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
