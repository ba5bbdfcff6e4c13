"""Overload of the service: latency and cost of refusals at ten times its capacity.

    python -m benchmarks.serving.overload [--seconds 60] [--times 10] [--milliseconds 20] [--queue 32]

A real server process with a fake engine that takes a fixed time per submission, and two client processes. First
measures the peak rate with closed-loop clients, then sends `times` as many requests at a constant rate (open loop).
Prints a table and, last, one line of JSON.

Time: 2 minutes. Figures: docs/measurements/serving.md.
"""

import argparse
import asyncio
import json
import math
import signal
import socket
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from tests.harness.processes.forking import PROCESSES, start

REFUSALS = (429, 503)
PEAK_SECONDS, CLIENTS, CRITERIA = 5.0, 2, 3
PROGRAM = "int main(void) {\n" + "    int total = 0; /* adds up what was read */\n" * 40 + "    return total;\n}\n"


class Answered(NamedTuple):
    """One request: its status, its latency, and whether it has a Retry-After header."""

    status: int
    seconds: float
    retry_after: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=float, default=10)
    parser.add_argument("--milliseconds", type=float, default=20)
    parser.add_argument("--queue", type=int, default=32)
    parser.add_argument("--serve", type=int, metavar="PORT", help="run the server on this port")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.milliseconds / 1000, given.queue)
        return
    found = overloaded(given.seconds, given.times, given.milliseconds, given.queue)
    Console().print(table(found))
    print(json.dumps(found))  # noqa: T201


def overloaded(
    seconds: float, times: float, milliseconds: float = 20, queue: int = 32, peak_seconds: float = PEAK_SECONDS
) -> dict[str, Any]:
    """The results of one run: rates per second, times in ms, memory in MB."""
    with own_server(milliseconds, queue) as (url, process):
        bodies = [body()]
        asyncio.run(busy(url, bodies, 1.0, queue // 2))
        peak = accepted(asyncio.run(busy(url, bodies, peak_seconds, queue // 2))) / peak_seconds
        before, highest, cpu = process.memory_info().rss, 0, sum(process.cpu_times()[:2])
        with PROCESSES.Pool(CLIENTS) as clients:
            rate = times * peak / CLIENTS
            storms = [clients.apply_async(stormed, (url, bodies, rate, seconds)) for _ in range(CLIENTS)]
            while not all(storm.ready() for storm in storms):
                highest = max(highest, process.memory_info().rss)
                time.sleep(0.2)
            cpu = sum(process.cpu_times()[:2]) - cpu
            answers = [answer for storm in storms for answer in storm.get()]
    refused = [answer for answer in answers if answer.status in REFUSALS]
    return {
        "peak_per_s": round(peak, 1),
        "offered_per_s": round(len(answers) / seconds, 1),
        "accepted_per_s": round(accepted(answers) / seconds, 1),
        "accepted_of_peak": round(accepted(answers) / seconds / peak, 3),
        "refused_ms_p50": milliseconds_at(refused, 0.5),
        "refused_ms_p99": milliseconds_at(refused, 0.99),
        "refused_without_retry_after": sum(not answer.retry_after for answer in refused),
        "memory_growth_mb": round((highest - before) / 1e6, 1),
        "server_cpu_ms_per_request": round(1000 * cpu / len(answers), 2),
        "statuses": {str(status): count for status, count in sorted(Counter(a.status for a in answers).items())},
    }


def accepted(answers: Sequence[Answered]) -> int:
    return sum(answer.status == 200 for answer in answers)


def milliseconds_at(answers: Sequence[Answered], share: float) -> float | None:
    took = sorted(answer.seconds for answer in answers)
    return round(1000 * took[math.ceil(share * len(took)) - 1], 1) if took else None


async def busy(url: str, bodies: Sequence[bytes], seconds: float, clients: int) -> list[Answered]:
    """`clients` closed-loop clients: each sends its next request when the last is answered."""
    import aiohttp

    answers, end = [], time.perf_counter() + seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def client(i: int) -> None:
            while time.perf_counter() < end:
                answers.append(await send(session, url, bodies[i % len(bodies)]))

        await asyncio.gather(*map(client, range(clients)))
    return answers


def stormed(url: str, bodies: Sequence[bytes], rate: float, seconds: float) -> list[Answered]:
    return asyncio.run(storm(url, bodies, rate, seconds))


async def storm(url: str, bodies: Sequence[bytes], rate: float, seconds: float) -> list[Answered]:
    """An open loop of `rate` requests a second, whether or not earlier ones were answered."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started, requests = time.perf_counter(), []
        for i in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + i / rate - time.perf_counter()))
            requests.append(asyncio.ensure_future(send(session, url, bodies[i % len(bodies)])))
        return list(await asyncio.gather(*requests))


async def send(session: Any, url: str, body: bytes) -> Answered:
    started = time.perf_counter()
    async with session.post(f"{url}/grade", data=body, headers={"Content-Type": "application/json"}) as answer:
        await answer.read()
        return Answered(answer.status, time.perf_counter() - started, "Retry-After" in answer.headers)


def body() -> bytes:
    """A submission with its rubric."""
    levels = [{"id": f"{points} points", "description": "How far it goes.", "points": points} for points in range(4)]
    criteria = [
        {"title": f"Criterion {i}", "description": "It works. " * 20, "ratings": levels} for i in range(CRITERIA)
    ]
    program = {"files": [{"filename": "main.c", "content": PROGRAM}]}
    request = {"problem": "Add up numbers.", "language": "C", "criteria": criteria, "submission": program}
    return json.dumps(request).encode()


@contextmanager
def own_server(milliseconds: float, queue: int) -> Iterator[tuple[str, psutil.Process]]:
    """Runs this file as a server in another process; yields once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--serve", port, "--milliseconds", milliseconds, "--queue", queue]
    with tempfile.TemporaryFile("w+") as log:
        process = start("benchmarks.serving.overload", *options, stdout=log, stderr=log)
        try:
            while not answers(url := f"http://127.0.0.1:{port}"):
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(log.read()[-2000:])
                time.sleep(0.1)
            yield url, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=30) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def serve(port: int, seconds: float, queue: int) -> None:
    """Runs the service with an engine that sleeps `seconds` per submission."""
    from prompts.encode import PromptEncoder
    from prompts.style import PromptStyle
    from serving.api.app import create_app
    from serving.api.middleware.access_log import log_to_stderr
    from serving.api.server import server
    from serving.api.service import ServiceOptions
    from serving.courses.lab_registry import LabRegistry
    from serving.courses.served import OneCourse
    from serving.grading.grader import Grader
    from serving.grading.provenance import ModelIdentity
    from serving.observability.telemetry import Telemetry
    from serving.scheduler.engine_thread import EngineThread
    from serving.store.store import open_store
    from tests.harness.models.byte_tokenizer import train_tokenizer

    encoder = PromptEncoder(train_tokenizer([PROGRAM], entries=512, context_length=8192), context_length=8192)
    identity = ModelIdentity(base_model="none", model_hash="0", tokenizer_hash="0", prompt_hash="0")
    grader = Grader(SlowEngine(seconds), encoder, PromptStyle(), identity)
    telemetry = Telemetry()
    thread = EngineThread(lambda: telemetry.metrics.watched(grader), capacity=queue, observers=telemetry.observers)
    log_to_stderr()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/store.db")
        options = ServiceOptions(timeout_seconds=60, rate="100000/second")
        app = create_app(thread, OneCourse("course", LabRegistry()), store, options, telemetry=telemetry)
        http = server(app, app.state.service.stopping, 10)
        http.config.port = port
        http.run()
        store.close()


class SlowEngine:
    """Chooses the first letter, after `seconds` per submission."""

    name, version, context_length = "slow", "1", 8192

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def score(self, requests: Sequence[Any]) -> list[Any]:
        from serving.engines.engine import LabelScores

        time.sleep(self.seconds * len(requests) / CRITERIA)
        return [LabelScores((-0.2, *[-3.0] * (len(request.labels) - 1))) for request in requests]

    def write(self, prompts: Sequence[Any], max_tokens: int, stop: str, form: str) -> list[Any]:
        raise NotImplementedError

    def close(self) -> None: ...


def table(found: dict[str, Any]) -> Table:
    shown = Table(title="Under overload", title_justify="left", show_header=False)
    for name, value in found.items():
        shown.add_row(name, ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else str(value))
    return shown


if __name__ == "__main__":
    main()
