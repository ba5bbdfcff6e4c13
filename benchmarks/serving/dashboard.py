"""Runs every query of the Grafana dashboard on a real Prometheus that scrapes a service under load.

    python -m benchmarks.serving.dashboard PROMETHEUS

PROMETHEUS is its binary (`apt install prometheus`). The service is `grader serve` with a synthetic model; it grades
submissions and works on a job, while Prometheus reads its metrics every second. The last line is JSON; exit
status 1 if a query is refused or finds nothing.

Time: a minute. Figures: docs/guide/monitoring.md.
"""

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.synthetic_lab import LAB, synthetic_lab
from tests.harness.processes.forking import wait_until
from tests.harness.processes.service_process import Service

DASHBOARD = Path(__file__).parents[2] / "serving" / "observability" / "grafana.json"
READ = """
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: grader, static_configs: [{{targets: ["{target}"]}}]}}]
"""
SECONDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prometheus", help="its binary")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_lab(synthetic_lab(100), folder / "labs" / LAB)
        with (
            Service(folder / "labs", f"sqlite:///{folder}/store.db") as service,
            prometheus(given.prometheus, folder, service.url.removeprefix("http://")) as url,
        ):
            generate_load(service.url)
            found = query_panels(url)
    print(json.dumps(found))  # noqa: T201
    sys.exit(1 if found["failed"] else 0)


@contextmanager
def prometheus(binary: str, folder: Path, target: str) -> Iterator[str]:
    """Runs Prometheus, which scrapes `target`; yields its URL."""
    (folder / "prometheus.yml").write_text(READ.format(target=target), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([binary, *options, f"--web.listen-address={address}"], stderr=log)
        try:
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(30)


def generate_load(url: str) -> None:
    """Grades submissions and regrades a lab, long enough for the dashboard's rates."""
    job = httpx.post(f"{url}/labs/{LAB}/regrade", timeout=60)
    job.raise_for_status()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        files = [{"filename": "a.c", "content": f"int a = {time.monotonic_ns()};\n"}]
        httpx.post(f"{url}/grade", json={"lab": LAB, "submission": {"files": files}}, timeout=60).raise_for_status()
        time.sleep(0.2)


def query_panels(url: str) -> dict[str, Any]:
    """Runs all queries; returns their number, and those without results with Prometheus's error."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    wait_until(lambda: httpx.get(f"{url}/-/ready").status_code == 200, 30)
    now, queries, failed = time.time(), 0, {}
    [(metric, label)] = [
        re.findall(r"label_values\((\w+), (\w+)\)", each["query"])[0]
        for each in board["templating"]["list"]
        if each["type"] == "query"
    ]
    courses = httpx.get(f"{url}/api/v1/label/{label}/values", params={"match[]": metric}).json()["data"]
    for panel in board["panels"]:
        for target in panel["targets"]:
            queries += 1
            query = target["expr"].replace("$course", "|".join(courses))
            span = {"query": query, "start": now - 10, "end": now, "step": 1}
            answer = httpx.get(f"{url}/api/v1/query_range", params=span).json()
            if answer["status"] != "success" or not answer["data"]["result"]:
                failed[f"{panel['title']}: {query}"] = answer.get("error", "nothing found")
    return {"courses": courses, "panels": len(board["panels"]), "queries": queries, "failed": failed}


if __name__ == "__main__":
    main()
