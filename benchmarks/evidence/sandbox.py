"""Overhead of the sandbox per run, and throughput of `grader observe`.

Run: python -m benchmarks.evidence.sandbox [--runs 300] [--submissions 500] [--tests 10] [--workers 2]

Overhead: a C program that prints one line, started directly and in the sandbox, in turns. Throughput: distinct C
programs that read two numbers, each compiled once and run on every test, without the cache and then from it.

Time: minutes. Figures: docs/measurements/sandbox.md.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from grader.observe.observe_lab import observe_lab
from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.sandbox import Command

MIB = 1_048_576
SUM = """#include <stdio.h>
int main(void) {{ int a, b; scanf("%d%d", &a, &b); printf("%d\\n", a + b); return 0; }} // {}
"""
RUBRIC = [{"title": "Right?", "ratings": [{"title": "yes"}, {"title": "no"}]}]


def overhead(runs: int) -> list[str]:
    sandbox = working_sandbox()
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "main.c"), Path(folder, "program")
        source.write_text('#include <stdio.h>\nint main(void) { puts("5"); return 0; }\n')
        subprocess.run(["gcc", source, "-o", program], check=True)
        command = Command(["./program"], 2, 64 * MIB, files={"program": program.read_bytes()})
        bare, inside, processor = [], [], [0.0, 0.0]
        for _ in range(runs):
            start, used = time.perf_counter(), _processor_seconds()
            subprocess.run([program], capture_output=True, check=True)
            middle, used_then = time.perf_counter(), _processor_seconds()
            assert sandbox.run(command).stdout == b"5\n"
            bare.append(middle - start)
            inside.append(time.perf_counter() - middle)
            processor[0] += used_then - used
            processor[1] += _processor_seconds() - used_then
    rows = [("direct", np.array(bare)), ("in the sandbox", np.array(inside))]
    used = [f"{1e3 * each / runs:.1f}" for each in (*processor, processor[1] - processor[0])]
    table = ["| run | median ms | p90 ms | p99 ms | processor ms |", "|---|---|---|---|---|"]
    table += [f"| {name} | {_quantiles(times)} | {used[n]} |" for n, (name, times) in enumerate(rows)]
    more = [np.quantile(rows[1][1], q) - np.quantile(rows[0][1], q) for q in (0.5, 0.9, 0.99)]
    return [*table, f"| difference | {' | '.join(f'{each * 1e3:.1f}' for each in more)} | {used[2]} |"]


def _processor_seconds() -> float:
    """Of this process and all that have ended."""
    return sum(os.times()[:4])


def _quantiles(times: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> str:
    return " | ".join(f"{np.quantile(times, q) * 1e3:.1f}" for q in (0.5, 0.9, 0.99))


def throughput(submissions: int, tests: int, workers: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = str(Path(folder, "data"))
        lab = Path(folder, "lab")
        (lab / "submissions").mkdir(parents=True)
        (lab / "ps.txt").write_text("Print the sum of two numbers.")
        (lab / "rubrics.json").write_text(json.dumps(RUBRIC))
        cases = [{"name": f"t{n}", "stdin": f"{n} {n * n}\n", "stdout": f"{n + n * n}\n"} for n in range(tests)]
        (lab / "checks.yaml").write_text(json.dumps({"tests": cases}))
        for number in range(submissions):
            (lab / "submissions" / f"s{number}@c.c").write_text(SUM.format(number))
        start, used = time.perf_counter(), _processor_seconds()
        observed = observe_lab(lab, workers)
        seconds, used = time.perf_counter() - start, _processor_seconds() - used
        cached = time.perf_counter()
        assert observe_lab(lab, workers).cached == submissions
        cached = time.perf_counter() - cached
    assert all(each.passed for one in observed.observations.values() for each in one.results)
    runs = submissions * (tests + 1)
    return [
        "| submissions | tests | workers | seconds | submissions/s | runs/s | processor s | from the cache: s |",
        "|---|---|---|---|---|---|---|---|",
        f"| {submissions} | {tests} | {workers} | {seconds:.1f} | {submissions / seconds:.1f} | {runs / seconds:.0f} "
        f"| {used:.0f} | {cached:.1f} |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--submissions", type=int, default=500)
    parser.add_argument("--tests", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    print("load averages:", *(f"{each:.1f}" for each in os.getloadavg()))  # noqa: T201
    print(*overhead(chosen.runs), "", sep="\n")  # noqa: T201
    if chosen.submissions:
        print(*throughput(chosen.submissions, chosen.tests, chosen.workers), sep="\n")  # noqa: T201
    print("load averages:", *(f"{each:.1f}" for each in os.getloadavg()))  # noqa: T201


if __name__ == "__main__":
    main()
