"""Under overload the service answers 200, 429 or 503 alone, says when to come again, and stays small."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from serving.api.middleware.load_shedding import Admission

OVERLOAD = Path(__file__).parents[3] / "benchmarks" / "overload.py"


class FullEngine:
    full, retry_after = True, 7


async def never(_: Scope, __: Receive, ___: Send) -> None:
    raise AssertionError("what is refused reaches nobody")


async def unread() -> Message:
    raise AssertionError("the body of what is refused is not read")


def asked(engine: Any, app: Any, path: str = "/grade") -> tuple[list[Message], Admission]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    admission = Admission(app, engine)
    scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    asyncio.run(admission(scope, unread, send))
    return sent, admission


def test_a_full_service_refuses_before_it_reads_the_body_and_says_when_to_come_again() -> None:
    [start, _], _ = asked(FullEngine(), never)
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"7"


def test_what_queues_nothing_is_not_refused() -> None:
    reached: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        reached.append(scope["path"])

    asked(FullEngine(), app, "/jobs")
    assert reached == ["/jobs"]


@pytest.mark.slow
def test_ten_times_the_capacity_is_refused_in_order_by_a_real_server() -> None:
    """Times are `make bench-overload`'s business: tests share their machine."""
    command = [sys.executable, str(OVERLOAD), "--seconds", "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found["statuses"]) <= {"200", "429", "503"} and "503" in found["statuses"]
    assert found["refused_without_retry_after"] == 0
    assert found["accepted_of_peak"] > 0.5
    assert found["memory_growth_mb"] < 100
