"""Measures how programs of 1 MB affect clients that send short ones: the same load without and with them.

    python -m benchmarks.serving.long_programs [--seconds 10] [--milliseconds 20] [--every 1]

The load on the server of `overload.py` is twice its capacity, so that some requests are graded and some refused. In the
second run a long program is sent every `--every` seconds. Prints a table and one line of JSON.

Time: a minute. Figures: none.
"""

import argparse
import asyncio
import json
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.serving.overload import REFUSALS, Answered, body, milliseconds_at, own_server, send, storm

LINE = "    int total = 0; /* adds up what was read */\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--milliseconds", type=float, default=20)
    parser.add_argument("--every", type=float, default=1)
    options = parser.parse_args()
    with own_server(options.milliseconds, queue=8) as (url, _):
        rate = 2000 / options.milliseconds
        found = {
            "short_alone": asyncio.run(measured(url, rate, options.seconds, None)),
            "with_long": asyncio.run(measured(url, rate, options.seconds, options.every)),
        }
    Console().print(table(found))
    print(json.dumps(found))  # noqa: T201


async def measured(url: str, rate: float, seconds: float, every: float | None) -> dict[str, Any]:
    """Latencies in ms of the short programs, and the statuses of the long ones."""
    longs = asyncio.ensure_future(long_ones(url, seconds, every)) if every else None
    answers = await storm(url, [body()], rate, seconds)
    graded = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status in REFUSALS]
    return {
        "graded": len(graded),
        "graded_ms_p50": milliseconds_at(graded, 0.5),
        "graded_ms_p99": milliseconds_at(graded, 0.99),
        "refused": len(refused),
        "refused_ms_p99": milliseconds_at(refused, 0.99),
        "long": sorted({answer.status for answer in await longs}) if longs else [],
    }


async def long_ones(url: str, seconds: float, every: float) -> list[Answered]:
    import aiohttp

    code, end, requests = long_body(), time.perf_counter() + seconds, []
    async with aiohttp.ClientSession() as session:
        while time.perf_counter() < end:
            requests.append(asyncio.ensure_future(send(session, url, code)))
            await asyncio.sleep(every)
        return list(await asyncio.gather(*requests))


def long_body() -> bytes:
    """A request with the largest accepted file."""
    whole = json.loads(body())
    whole["submission"]["files"][0]["content"] = LINE * (1_000_000 // len(LINE))
    return json.dumps(whole).encode()


def table(found: dict[str, dict[str, Any]]) -> Table:
    shown = Table("", *found, title="With programs of 1 MB", title_justify="left")
    for name in found["short_alone"]:
        shown.add_row(name, *(str(each[name]) for each in found.values()))
    return shown


if __name__ == "__main__":
    main()
