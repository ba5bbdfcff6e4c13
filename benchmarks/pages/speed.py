"""Measures the review pages with a large lab: the service's time and processor time for each page, and in Chromium the
first paint, the time from the key to the next submission, and memory over many pages.

    python -m benchmarks.pages.speed [--submissions 5000] [--pages 500] [--labs labs]

The service is `grader serve` with a synthetic model over a new SQLite store; the programs are those of the sample lab
in C++, each with another comment. Prints one line of JSON. On a busy machine only the processor times are reliable:
`load` is the load average during the run.

Time: minutes. Figures: docs/measurements/reviewing.md.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.jobs.repository import JobRepository
from serving.store.access.roles import Role
from serving.store.store import open_store
from tests.harness.browser.chromium import chromium
from tests.harness.browser.pages import Forms, record_lab
from tests.harness.courses.lab_folders import write_lab
from tests.harness.processes.forking import ROOT
from tests.harness.processes.service_process import Service

COURSE = "cs101"
SHOWN = """let pressed = 0;
document.addEventListener("keydown", () => { pressed = performance.now(); sessionStorage.setItem("pressed",
  performance.timeOrigin + pressed); sessionStorage.removeItem("shown"); }, true);
const painted = () => requestAnimationFrame(() => { const channel = new MessageChannel();
  channel.port1.onmessage = () => sessionStorage.setItem("shown", performance.timeOrigin + performance.now());
  channel.port2.postMessage(0); });
addEventListener("DOMContentLoaded", () => { painted();
  new MutationObserver((changes) => { if (changes.some((each) => each.addedNodes.length)) painted(); })
    .observe(document.body, { childList: true }); });"""
"""Stores when a key was pressed, and when the frame was ready that shows another page, or another submission in it."""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]"


def painted(page: Any) -> float:
    """Milliseconds from the start of the navigation to the first contentful paint."""
    page.wait_for_function(f"() => {PAINT}")
    start: float = page.evaluate(f"{PAINT}.startTime")
    return start


def next_shown(page: Any) -> float:
    """Milliseconds from the key to the frame with the next submission."""
    page.keyboard.press("j")
    page.wait_for_function("() => sessionStorage.getItem('shown')")
    taken: float = page.evaluate("sessionStorage.getItem('shown') - sessionStorage.getItem('pressed')")
    return taken


def large_lab(folder: Path, submissions: int) -> Lab:
    lab = load_lab(folder / "cpp_second_largest")
    numbered = []
    for number in range(submissions):
        one = lab.submissions[number % len(lab.submissions)]
        files = [each.model_copy(update={"text": f"// number {number}\n{each.text}"}) for each in one.files]
        name = f"n{number:05d}"
        numbered.append(one.model_copy(update={"student": name, "folder": name, "files": tuple(files)}))
    return lab.model_copy(update={"submissions": tuple(numbered), "human_grades": ()})


@contextmanager
def large_service(labs: Path, submissions: int) -> Iterator[tuple[Service, Lab, str]]:
    """A service over a graded lab, and the key of a TA."""
    lab = large_lab(labs, submissions)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/store.db"
        write_lab(lab.model_copy(update={"submissions": lab.submissions[:3]}), Path(folder) / COURSE / lab.name)
        store = open_store(url)
        JobRepository(store.database).add(COURSE, lab, actor="benchmark", job_id="job1")
        record_lab(store, lab, accept=0.85)
        token, _ = store.create_key("TA", Role.TA, COURSE, actor="benchmark")
        store.close()
        environment = {"GRADER_SESSION_KEY": f"{folder}/session.key"}
        with Service(Path(folder) / COURSE, url, env=environment) as service:
            yield service, lab, token


def signed_in(url: str, token: str) -> httpx.Client:
    client = httpx.Client(base_url=url, follow_redirects=True, timeout=120)
    fields = next(given for action, given in Forms(client.get("/app/sign-in").text).found if "/sign-in" in action)
    client.post("/app/sign-in", data={**fields, "key": token}).raise_for_status()
    return client


def measured(service: Service, act: Callable[[], object], repeat: int) -> dict[str, float]:
    """Milliseconds of the client, and processor milliseconds of the service, for each call."""
    process, seconds = psutil.Process(service.process.pid), []
    act()
    before = process.cpu_times()
    for _ in range(repeat):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    after = process.cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / repeat
    return {"median_ms": round(1000 * statistics.median(seconds), 1), "cpu_ms": round(1000 * cpu, 1)}


def routes(service: Service, lab: Lab, token: str, repeat: int) -> dict[str, dict[str, float]]:
    client, where = signed_in(service.url, token), {"course": COURSE, "lab": lab.name}
    steps: list[str] = re.findall(r"/app/grades/\w+", client.get("/app/lab", params=where).text)
    addresses = iter(steps * 1000)

    def get(path: str, **query: str) -> Callable[[], object]:
        return lambda: client.get(path, params=query or None).raise_for_status()

    def rate() -> None:
        address = next(addresses)
        action, fields = next(each for each in Forms(client.get(address).text).found if "/grades/" in each[0])
        client.post(action, data={**fields, "act": "rate-0-0"}).raise_for_status()

    shown = {
        "courses": get("/app/"),
        "list": get("/app/lab", **where),
        "list, filtered": get("/app/lab", **where, show="all", criterion=lab.criteria[0].title, order="confidence"),
        "list, search": get("/app/lab", **where, search="n04"),
        "submission": lambda: client.get(next(addresses)).raise_for_status(),
        "rate (get, post, get)": rate,
        "statistics": get("/app/statistics", **where),
    }
    return {name: measured(service, act, repeat) for name, act in shown.items()}


def in_browser(service: Service, lab: Lab, token: str, pages: int, loads: int = 20) -> dict[str, Any]:
    """Goes through `pages` submissions with the key `j`; loads the list and the first submission `loads` times."""
    process, rss = psutil.Process(service.process.pid), []
    list_url = f"{service.url}/app/lab?course={COURSE}&lab={lab.name}"
    first, next_, heap = {}, [], []
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(SHOWN)
        page = context.new_page()
        page.goto(f"{service.url}/app/sign-in")
        page.fill("#key", token)
        page.click("main button")
        page.wait_for_url(f"{service.url}/app/")
        page.goto(list_url)
        page.click("a.button.primary")
        page.wait_for_url("**/grades/*")
        for name, url in (("list", list_url), ("submission", page.url)):
            paints = []
            for _ in range(loads):
                page.goto(url)
                paints.append(painted(page))
            first[name] = round(statistics.median(paints))
        for number in range(pages):
            before = page.url
            next_.append(next_shown(page))
            assert page.url != before
            if number % 50 == 49:
                context.new_cdp_session(page).send("HeapProfiler.collectGarbage")
                heap.append(page.evaluate("performance.memory.usedJSHeapSize"))
                rss.append(process.memory_info().rss)
    mb, slowest = 2**20, sorted(next_)[pages * 19 // 20]
    return {
        "first_paint_ms": first,
        "next_submission_ms": {"median": round(statistics.median(next_)), "p95": round(slowest)},
        "browser_heap_mb": [round(each / mb, 1) for each in heap],
        "service_rss_mb": [round(each / mb) for each in rss],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=5000)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=20, help="requests of each page without a browser")
    parser.add_argument("--labs", type=Path, default=ROOT / "labs")
    given = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    with large_service(given.labs, given.submissions) as (service, lab, token):
        found = {"routes": routes(service, lab, token, given.repeat)}
        found |= in_browser(service, lab, token, given.pages) if given.pages else {}
    load = [round(each, 1) for each in os.getloadavg()]
    where = {"commit": commit.stdout.strip(), "date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "load": load}
    print(json.dumps({"submissions": given.submissions, **found, **where}))  # noqa: T201


if __name__ == "__main__":
    main()
