"""The GPU check: its plan, the isolation of its steps, and its page. Nightly, tiny steps run on a CPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.gpu_check import __main__ as gpu_check
from benchmarks.gpu_check.page import page
from benchmarks.gpu_check.plan import Step, planned_steps, predicted_bytes


def test_the_plan_fits_one_gpu_and_eight_minutes() -> None:
    steps = planned_steps(tiny=False)
    assert sum(step.limit_seconds for step in steps) <= 480
    predicted = {step.name: size / 1e9 for step in steps if (size := predicted_bytes(step))}
    assert 13 < predicted["codellama-7b bf16"] < 20 and 44 < predicted["codestral-22b bf16"] < 60
    assert predicted["codestral-22b 4-bit"] < predicted["codestral-22b bf16"] / 2


def test_a_step_that_fails_or_hangs_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("s", "does nothing", dict, limit_seconds=7)
    console = Console(quiet=True)
    for outcome, error in (
        (subprocess.CompletedProcess([], 1, "", "CUDA out of memory"), "CUDA out of memory"),
        (subprocess.TimeoutExpired("s", 7), "not finished after 7 s"),
    ):

        def run(*_: object, outcome: object = outcome, **__: object) -> object:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(gpu_check.subprocess, "run", run)
        assert error in gpu_check.run(step, False, console)["error"]
    good = subprocess.CompletedProcess([], 0, 'noise\nGPU-CHECK-RESULT {"tokens_per_second": 5.0}\n', "")
    monkeypatch.setattr(gpu_check.subprocess, "run", lambda *_, **__: good)
    assert gpu_check.run(step, False, console)["figures"] == {"tokens_per_second": 5.0}


def test_the_page_has_figures_memory_and_errors() -> None:
    figures = {"tokens_per_second": 1234.5678, "peak_gpu_bytes": 15_000_000_000}
    steps = [
        {"name": "a", "what": "w", "predicted_bytes": 12_000_000_000, "seconds": 3.0, "figures": figures},
        {"name": "b", "what": "w", "predicted_bytes": None, "error": "no ```kernel```"},
    ]
    facts = {"date": "2026-01-01", "device": "H200", "torch": "2", "commit": "abc", "command": "c"}
    text = page(facts | {"steps": steps})
    assert "| a | ran | 3 | 12.00 | 15.00 | 1.25 |" in text and "| b | failed |" in text
    assert "| tokens per second | 1235 |" in text and "no '''kernel'''" in text


@pytest.mark.nightly
def test_tiny_steps_run_on_a_cpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu_check", "--tiny", "--out", str(tmp_path)]
    subprocess.run(command, cwd=Path(__file__).parents[1], check=True)
    report = json.loads((tmp_path / "gpu-check.json").read_text())
    figures = {step["name"]: step["figures"] for step in report["steps"]}
    assert figures["attention"]["hidden_error"] < 1e-5 and figures["attention"]["gradient_error"] < 1e-3
    assert figures["tiny bf16"]["tokens_per_second"] > 0 and figures["tree against trl"]["sft_speedup"] > 0
