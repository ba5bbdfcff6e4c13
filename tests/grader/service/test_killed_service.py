"""`grader serve` killed and stopped under load: answered grades are stored, and jobs resume."""

import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from labs_schema.models import Lab
from serving.store.store import open_store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.processes.forking import start

CLIENTS, STOPS, STUDENTS = 4, 1, 48


class Process:
    """`grader serve`; `lines`: its log so far."""

    def __init__(self, arguments: list[str], store: str) -> None:
        command = ["grader", "serve", "--port", "0", *arguments]
        self._process = start(*command, env={"GRADER_STORE": store}, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        until(lambda: any("serving on" in line for line in self.lines) or self._process.poll() is not None, 90)
        log = "".join(self.lines)
        assert "serving on" in log, log
        self.url = re.findall(r"http://[^\s,]+", next(line for line in self.lines if "serving on" in line))[0]

    def end(self, how: signal.Signals) -> int:
        self._process.send_signal(how)
        status = self._process.wait(90)
        self._reader.join()
        return status

    def kill(self) -> None:
        if self._process.poll() is None:
            self.end(signal.SIGKILL)

    def statuses(self) -> list[int]:
        """The logged status of each submission."""
        logged = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [line["status"] for line in logged if line.get("route") == "/grade"]

    def _read(self) -> None:
        assert self._process.stderr
        self.lines.extend(iter(self._process.stderr.readline, ""))
        self._process.stderr.close()


def until(done: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(0.05)
    return found


@contextmanager
def load(url: str) -> Iterator[list[httpx.Response]]:
    """Clients that send one submission after another until the block ends, each over its own connection.

    The value lists their responses.
    """
    stop, answers = threading.Event(), []

    def send(client: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            files = [{"filename": "main.c", "content": f"int main(void) {{ return {number}; }}\n"}]
            body = {"lab": "lab1", "student": f"c{client}", "submission": {"files": files}}
            try:
                answers.append(httpx.post(f"{url}/grade", json=body, timeout=60))
            except httpx.TransportError:
                time.sleep(0.02)

    clients = [threading.Thread(target=send, args=(i,)) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield answers
    finally:
        stop.set()
        for client in clients:
            client.join()


def stored_grades(answers: list[httpx.Response], store: str) -> int:
    """The number of returned grades. Fails if one of them is not in the store."""
    given = [answer.json()["grade_id"] for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 503}
    opened = open_store(store)
    assert all(opened.read_history(grade_id).grade.grade for grade_id in given)
    assert opened.verify().faults == ()
    opened.close()
    return len(given)


@pytest.fixture
def arguments(make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path) -> list[str]:
    write_lab(make_lab(students=STUDENTS), tmp_path / "labs" / "lab1")
    rate = ["--rate", "100000/second"]  # a fast machine would exceed the default limit
    return ["--labs", str(tmp_path / "labs"), "--model", str(tiny_model_folder), "--engine", "transformers", *rate]


@pytest.mark.slow
def test_grades_answered_before_a_kill_are_stored_and_the_job_resumes(arguments: list[str], tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    process = Process(arguments, store)
    try:
        job = httpx.post(f"{process.url}/labs/lab1/regrade", timeout=60).json()["id"]
        with load(process.url) as answers:
            until(lambda: len(answers) > 2 * CLIENTS, 60)
            until(lambda: httpx.get(f"{process.url}/jobs/{job}", timeout=60).json()["graded"] > 0, 60)
            process.end(signal.SIGKILL)
        assert stored_grades(answers, store) > 2 * CLIENTS
        process = Process(arguments, store)
        done = until(lambda: (progress := _job(process.url, job))["state"] == "done" and progress, 120)
        assert (done["graded"], done["parked"]) == (STUDENTS, [])
    finally:
        process.kill()


@pytest.mark.slow
def test_requests_accepted_before_a_stop_are_answered_and_stored(arguments: list[str], tmp_path: Path) -> None:
    store, answered = f"sqlite:///{tmp_path}/store.db", 0
    for _ in range(STOPS):
        process = Process(arguments, store)
        try:
            httpx.post(f"{process.url}/labs/lab1/regrade", timeout=60).raise_for_status()
            with load(process.url) as answers:
                until(lambda answers=answers: len(answers) > CLIENTS, 60)
                assert process.end(signal.SIGTERM) in (0, -signal.SIGTERM)
            given = [answer.status_code for answer in answers]
            assert sorted(process.statuses()) == sorted(given), process.lines[-30:]
            assert stored_grades(answers, store) == given.count(200)
            answered += given.count(200)
        finally:
            process.kill()
    assert answered > STOPS * CLIENTS


def _job(url: str, job: str) -> dict[str, Any]:
    progress: dict[str, Any] = httpx.get(f"{url}/jobs/{job}", timeout=60).json()
    return progress
