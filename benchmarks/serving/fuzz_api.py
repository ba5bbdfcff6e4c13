"""Fuzzes every operation of the service from its OpenAPI description (Schemathesis, all checks).

    python -m benchmarks.serving.fuzz_api [--examples 200] [--seed 0]

A real server over HTTP, with keys, labs, a SQLite store and a hash function as the model. Follows the links between
operations (stateful). Prints Schemathesis's report and, last, one line of JSON. Exits with 1 if a check failed or if
fewer than half of the operations ever returned a 2xx.

Time: minutes. Figures: none.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from serving.api.app import create_app
from serving.api.server import server
from serving.api.service import ServiceOptions
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.jobs.chunk import grade_chunk
from serving.jobs.job import Job
from serving.jobs.worker.backend import WorkerBackend
from serving.observability.telemetry import Telemetry
from serving.scheduler.engine_thread import EngineThread
from serving.store.access.roles import Role
from serving.store.store import Store, open_store
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import synthetic_lab
from tests.harness.processes.service_process import synthetic_grader

COURSE, LABS = "course", 3
HOOKS = {"SCHEMATHESIS_HOOKS": "benchmarks.serving.fuzz_hooks", "PYTHONPATH": str(Path(__file__).parents[2])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=200, help="per operation and phase")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found = fuzzed(given.examples, given.seed)
    print(json.dumps(found))  # noqa: T201
    sys.exit(0 if found["ok"] else 1)


def fuzzed(examples: int, seed: int) -> dict[str, Any]:
    """The figures of one run."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        failed = fuzz(Path(folder), examples, seed)
        found_statuses = _statuses(Path(folder) / "events.ndjson")
    reached = sorted(
        name for name, statuses in found_statuses.items() if any(200 <= status < 300 for status in statuses)
    )
    found: dict[str, Any] = {
        "examples": examples,
        "requests": sum(statuses.total() for statuses in found_statuses.values()),
        "operations": len(found_statuses),
        "reached_2xx": len(reached),
        "never_2xx": sorted(set(found_statuses) - set(reached)),
        "server_errors": sum(
            n for statuses in found_statuses.values() for status, n in statuses.items() if status == 500
        ),
        "checks_failed": failed,
        "seconds": round(time.monotonic() - began, 1),
    }
    return {**found, "ok": not failed and not found["server_errors"] and 2 * len(reached) >= len(found_statuses)}


def fuzz(folder: Path, examples: int, seed: int) -> bool:
    """Whether a check failed, or the metrics could not be read afterwards."""
    store = open_store(f"sqlite:///{folder}/store.db")
    token, _ = store.create_key("fuzz", Role.ADMIN, COURSE, actor="fuzz")
    with serving(store, folder) as url:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"]
        command += ["--checks", "all", "--mode", "all", "--max-examples", str(examples), "--seed", str(seed)]
        command += ["--header", f"Authorization: Bearer {token}", "--continue-on-failure", "--request-timeout", "30"]
        command += ["--report-ndjson-path", str(folder / "events.ndjson"), "--no-color"]
        done = subprocess.run(command, cwd=folder, env=os.environ | HOOKS, check=False)
        counted = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"})
    store.close()
    return done.returncode != 0 or counted.status_code != 200 or b"grader_requests_total" not in counted.content


@contextmanager
def serving(store: Store, folder: Path) -> Iterator[str]:
    """The address of the service. It is already stopping, so that a paused job's event stream ends."""
    for number in range(LABS):
        write_lab(synthetic_lab(number + 2), folder / "labs" / f"lab{number}")
    engine = EngineThread(lambda: synthetic_grader(0, context_length=1_000_000))
    backend = WorkerBackend(store, folder / "labs", engine)
    registry = read_registry(folder / "labs")[0]
    app = create_app(
        engine,
        OneCourse(COURSE, registry),
        store,
        ServiceOptions(rate="1000000/second"),
        start_job=lambda job: _start_job(backend, job),
        telemetry=Telemetry(),
    )
    stopping: threading.Event = app.state.service.stopping
    stopping.set()
    http = server(app, stopping, 5)
    http.config.port = 0
    running = threading.Thread(target=http.run)
    running.start()
    while not http.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}"
    http.should_exit = True
    running.join()


def _start_job(backend: WorkerBackend, job: Job) -> None:
    """Grades all chunks of a job, as a worker does, on a thread."""

    def work() -> None:
        for number in range(job.chunks):
            grade_chunk(backend, job.id, number)
        backend.jobs.finish(job)

    threading.Thread(target=work, daemon=True).start()


def _statuses(report: Path) -> dict[str, Counter[int]]:
    """operation -> how often each status was returned."""
    found_statuses: dict[str, Counter[int]] = defaultdict(Counter)
    events = [each for line in report.read_text(encoding="utf-8").splitlines() for each in json.loads(line).values()]
    operations = {event["recorder"]["label"] for event in events if isinstance(event, dict) and "recorder" in event}
    for event in events:
        _count(event, operations, found_statuses)
    return dict(found_statuses)


def _count(event: Any, operations: set[str], found_statuses: dict[str, Counter[int]]) -> None:
    recorder = event.get("recorder") if isinstance(event, dict) else None
    if not recorder:
        return
    for name, interaction in recorder.get("interactions", {}).items():
        case = recorder["cases"][name]["value"]
        operation = f"{case['method']} {case['path']}"
        if interaction.get("response") and operation in operations:
            found_statuses[operation][int(interaction["response"]["status_code"])] += 1


if __name__ == "__main__":
    main()
