"""The HTTP side of `cost.py`: throughput and latency of requests, and refusals under overload."""

import asyncio
import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import httpx
import psutil

from benchmarks.serving.overload import answers, storm
from benchmarks.serving.sides import WARM_UP, Took
from benchmarks.serving.work import Work, criteria_of
from labs_schema.models import Lab, Submission

CLIENTS = 32


@contextmanager
def service(model: Path, queue: int, engine: str) -> Iterator[tuple[str, psutil.Process]]:
    """`grader serve` on a free port, ready to answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "grader", "serve", "--model", str(model), "--port", str(port)]
    more = ["--queue", str(queue), "--rate", "100000/second", "--engine", engine]
    url = f"http://127.0.0.1:{port}"
    with TemporaryDirectory() as folder, TemporaryFile("w+") as log:
        environment = {**os.environ, "GRADER_STORE": f"sqlite:///{folder}/grader.db"}
        process = subprocess.Popen([*command, *more], stdout=log, stderr=log, env=environment)
        try:
            while not answers(url):
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(log.read()[-2000:])
                time.sleep(0.2)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def body(lab: Lab, submission: Submission) -> dict[str, Any]:
    """A request with an inline rubric."""
    return {
        "problem": lab.short_problem,
        "language": lab.language,
        "criteria": [
            {
                "title": criterion.title,
                "description": criterion.description,
                "ratings": [
                    {"id": r.title, "description": r.description, "points": r.marks} for r in criterion.ratings
                ],
            }
            for criterion in lab.criteria
        ],
        "submission": {"files": [{"filename": file.path, "content": file.text} for file in submission.files]},
    }


async def ask_all(url: str, work: Work, clients: int) -> list[tuple[int, float]]:
    """Status and seconds of every request, in any order, with `clients` of them in flight."""
    remaining, answers = iter(work), []
    async with httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=clients)) as client:

        async def ask() -> None:
            for lab, submission in remaining:
                started = time.perf_counter()
                answer = await client.post(f"{url}/grade", json=body(lab, submission))
                answers.append((answer.status_code, time.perf_counter() - started))

        await asyncio.gather(*(ask() for _ in range(clients)))
    return answers


def http_side(model: Path, work: Work, engine: str) -> Took:
    """`grader serve` with 32 clients, each with one request in flight. `p50_ms`, `p99_ms`: latency."""
    rest = work[WARM_UP:]
    with service(model, 4 * CLIENTS, engine) as (url, process):
        asyncio.run(ask_all(url, work[:WARM_UP], WARM_UP))
        before, wall = process.cpu_times(), time.perf_counter()
        answers = asyncio.run(ask_all(url, rest, CLIENTS))
        seconds, after = time.perf_counter() - wall, process.cpu_times()
    if failed := [status for status, _ in answers if status != 200]:
        raise RuntimeError(f"the service answered {failed[0]} where 200 was expected")
    cpu = after.user + after.system - before.user - before.system
    share = criteria_of(work) / criteria_of(rest)
    took = sorted(1000 * each for _, each in answers)
    return {"cpu": cpu * share, "wall": seconds * share, "p50_ms": at(took, 0.5), "p99_ms": at(took, 0.99)}


def overload(model: Path, work: Work, rate: float, engine: str, seconds: float = 20) -> Took:
    """Counts and latencies of refusals while `rate` submissions a second arrive, ten times the capacity."""
    bodies = [json.dumps(body(lab, submission)).encode() for lab, submission in work]
    with service(model, 8, engine) as (url, _):
        answers = asyncio.run(storm(url, bodies, rate, seconds))
    refused = sorted(1000 * answer.seconds for answer in answers if answer.status in (429, 503))
    other = {answer.status for answer in answers} - {200, 429, 503}
    if other or not refused:
        raise RuntimeError(f"expected 200, 429 and 503 alone, found {other or 'no refusal'}")
    return {"refused": len(refused), "answered": len(answers) - len(refused), "p99_ms": at(refused, 0.99)}


def at(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)], 1)
