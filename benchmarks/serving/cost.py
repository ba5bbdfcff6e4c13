"""The cost of grading: service over HTTP, bare engine, constrained JSON and plain `generate`, in one run.

    python -m benchmarks.serving.cost [--labs FOLDER] [--submissions 64] [--repeats 3] [--model FOLDER] [--engine vllm]

Two jobs: real submissions, spread evenly over the labs of FOLDER (default: the sample labs), and as many synthetic
ones of 800 shared and 120 own tokens a criterion, 5 criteria. All sides use the same weights in bf16 (a random Llama of
about 60 million parameters, unless --model is given) and the same prompts, 16 submissions at a time:

    http        `grader serve` with 32 concurrent clients
    engine      the same grader without HTTP: one letter per criterion, the program computed once
    json        vLLM with prefix caching writes the verdict's letter under a JSON schema, without whitespace
    full json   the same with the probability of every option in two digits, as in a grade of the service
    loose json  the letter with vLLM's defaults: random weights write whitespace up to the limit of 24 tokens
    generate    Hugging Face `generate`, one criterion at a time, as many tokens as the verdict `{"answer": "A"}` has

All vLLM sides are compiled (`vllm-compiled`) unless --engine is given. All but `generate` run `repeats` times in turn,
and the median is reported. `generate` takes minutes instead of seconds, so it runs once over every fourth submission,
and its time is scaled by the criteria. Finally ten times as many submissions arrive as the service can grade, and its
rejections are timed. The peak is a large bf16 matrix product, timed after each run of `engine`.

Each side is a separate process, warmed up by two submissions; seconds are CPU seconds of that process (for http the
server's) and wall seconds from the first question to the last answer. Prints a table and, last, one line of JSON.

Time: half an hour. Figures: docs/measurements/serving.md.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.serving.http_side import http_side, overload
from benchmarks.serving.sides import (
    WARM_UP,
    Took,
    alone,
    engine_side,
    full_json_side,
    generate_side,
    json_side,
    loose_json_side,
)
from benchmarks.serving.work import Shape, Work, random_model, real_work, shape, synthetic_work

FIGURES = Path("build/bench-serve")
Sides = dict[str, Took]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labs", type=Path, default=Path("labs"))
    parser.add_argument("--submissions", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--engine", default="vllm-compiled", choices=("vllm", "vllm-compiled"))
    given = parser.parse_args()
    if given.submissions <= WARM_UP:
        parser.error(f"--submissions {given.submissions}: at least {WARM_UP + 1}, as the first {WARM_UP} only warm up.")
    model = given.model or random_model(FIGURES / "model")
    jobs = {"real": real_work(given.labs, given.submissions), "synthetic": synthetic_work(model, given.submissions)}
    found = {name: compared(model, work, given.repeats, given.engine) for name, work in jobs.items()}
    refused = overload(model, jobs["real"], 10 * given.submissions / found["real"]["http"]["wall"], given.engine)
    shapes = {name: shape(model, work) for name, work in jobs.items()}
    Console().print(table(found, shapes))
    print(json.dumps(summary(found, shapes, refused)))  # noqa: T201


def compared(model: Path, work: Work, repeats: int, engine: str) -> Sides:
    """The median of every side."""
    sides: dict[str, Callable[[], Took]] = {
        "http": lambda: http_side(model, work, engine),
        "engine": lambda: alone(engine_side, model, work, engine),
        "json": lambda: alone(json_side, model, work, engine),
        "full json": lambda: alone(full_json_side, model, work, engine),
        "loose json": lambda: alone(loose_json_side, model, work, engine),
    }
    runs: dict[str, list[Took]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            runs[name].append(side())
            print(name, runs[name][-1], file=sys.stderr, flush=True)  # noqa: T201
    medians = {
        name: {key: statistics.median(run[key] for run in some) for key in some[0]} for name, some in runs.items()
    }
    return medians | {"generate": alone(generate_side, model, work)}


def summary(found: dict[str, Sides], shapes: dict[str, Shape], refused: Took) -> dict[str, Any]:
    """Ratios of CPU seconds, and MFU of wall seconds, for the real job and, as `_synthetic`, the synthetic one."""
    figures: dict[str, Any] = {}
    for name, ending in (("real", ""), ("synthetic", "_synthetic")):
        sides, shape_ = found[name], shapes[name]
        engine = sides["engine"]
        figures |= {
            f"speedup_vs_hf{ending}": round(sides["generate"]["cpu"] / engine["cpu"], 2),
            f"speedup_vs_json{ending}": round(sides["json"]["cpu"] / engine["cpu"], 2),
            f"speedup_vs_full_json{ending}": round(sides["full json"]["cpu"] / engine["cpu"], 2),
            f"speedup_vs_loose_json{ending}": round(sides["loose json"]["cpu"] / engine["cpu"], 2),
            f"http_overhead{ending}": round(sides["http"]["cpu"] / engine["cpu"] - 1, 3),
            f"prefix_hit_rate{ending}": round(engine["hit_rate"], 4),
            f"prefix_hit_rate_computed{ending}": round(shape_.hit_rate, 4),
            f"mfu{ending}": round(shape_.operations / engine["wall"] / engine["peak"], 3),
            f"criteria_per_core_second{ending}": round(shape_.decisions / engine["cpu"], 2),
        }
    times = {key: found["real"]["http"][key] for key in ("p50_ms", "p99_ms")}
    return figures | times | {"rejected_ms_p99": refused["p99_ms"]}


def table(found: dict[str, Sides], shapes: dict[str, Shape]) -> Table:
    shown = Table(title="CPU and wall seconds for the same decisions", title_justify="left")
    for heading in ("job", "side", "decisions", "tokens written", "CPU s", "wall s", "criteria / core s"):
        shown.add_column(heading, justify="left" if heading in ("job", "side") else "right")
    for name, sides in found.items():
        count = shapes[name].decisions
        for side, took in sides.items():
            written, rate = took.get("tokens_written", 1), count / took["cpu"]
            figures = f"{written:.1f}", f"{took['cpu']:.1f}", f"{took['wall']:.1f}", f"{rate:.2f}"
            shown.add_row(name, side, str(count), *figures)
    return shown


if __name__ == "__main__":
    main()
