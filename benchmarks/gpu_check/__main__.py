"""Checks on one GPU everything that has only run on CPUs, in under 8 minutes on an H200.

    python -m benchmarks.gpu_check [--out FOLDER] [--tiny]

Every step runs in a process of its own with a time limit: a step that fails is recorded and the others still run.
Writes FOLDER/gpu-check.json and FOLDER/gpu.md, a page for docs/measurements/. Without a GPU it prints the steps and the
memory that they are predicted to need. `--tiny` runs the steps that need no GPU on the CPU, with tiny shapes, and tests
this script.

Time: 8 minutes on an H200. Figures: none.
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.gpu_check.page import page
from benchmarks.gpu_check.plan import Step, planned_steps, predicted_bytes

ROOT = Path(__file__).parents[2]
RESULT = "GPU-CHECK-RESULT "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu-check"))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    steps = planned_steps(tiny=given.tiny)
    if given.step:
        print_result(next(step for step in steps if step.name == given.step))
        return
    console = Console()
    if not given.tiny and not torch.cuda.is_available():
        console.print(plan_table(steps))
        console.print("No GPU was found, so nothing was run. On a machine with one: make gpu-check DEVICE=cuda")
        return
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.gpu_check" + (" --tiny" if given.tiny else ""),
        "commit": commit(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "torch": torch.__version__,
        "steps": [run(step, given.tiny, console) for step in steps],
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "gpu-check.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (given.out / "gpu.md").write_text(page(report), encoding="utf-8")
    failed = [step["name"] for step in report["steps"] if "error" in step]
    console.print(f"Written to {given.out}." + (f" Failed: {', '.join(failed)}." if failed else ""))
    sys.exit(1 if failed else 0)


def print_result(step: Step) -> None:
    """In the step's own process: runs it and prints its figures for the parent."""
    figures = step.run(**step.arguments)
    if torch.cuda.is_available():
        figures["peak_gpu_bytes"] = torch.cuda.max_memory_allocated()
    print(RESULT + json.dumps(figures))  # noqa: T201


def run(step: Step, tiny: bool, console: Console) -> dict[str, Any]:
    """The step's record: its figures, or its error."""
    console.print(f"{step.name}: {step.what}", highlight=False)
    command = [sys.executable, "-m", "benchmarks.gpu_check", "--step", step.name, *(["--tiny"] if tiny else [])]
    record: dict[str, Any] = {"name": step.name, "what": step.what, "predicted_bytes": predicted_bytes(step)}
    started = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=step.limit_seconds)
    except subprocess.TimeoutExpired:
        return record | {"error": f"not finished after {step.limit_seconds} s"}
    record["seconds"] = round(time.monotonic() - started, 1)
    lines = [line.removeprefix(RESULT) for line in done.stdout.splitlines() if line.startswith(RESULT)]
    if done.returncode or not lines:
        return record | {"error": (done.stderr.strip() or done.stdout.strip())[-1500:] or f"exit {done.returncode}"}
    return record | {"figures": json.loads(lines[-1])}


def plan_table(steps: list[Step]) -> Table:
    table = Table("Step", "What it does", "Predicted memory", "Time limit", title="GPU check: planned steps")
    for step in steps:
        size = predicted_bytes(step)
        table.add_row(step.name, step.what, f"{size / 1e9:.1f} GB" if size else "small", f"{step.limit_seconds} s")
    return table


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
