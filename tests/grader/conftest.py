"""`grader` as a process of its own, with a made-up model."""

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SOURCE = """
import sys, time
from types import SimpleNamespace
sys.path.insert(0, {benchmarks!r})
import chaos, grader.regrade.regrade
from grader.cli import main

class Model:
    engine = SimpleNamespace(name="hash", version="1", context_length=1, close=lambda: None)
    def grade(self, lab, submissions, *, reasoning=False):
        time.sleep({seconds} * len(submissions))
        return [chaos.expected(lab, each) for each in submissions]
    def provenance(self, lab, submission, *, reasoning=False):
        return chaos.expected(lab, submission).provenance
    def close(self): ...

grader.regrade.regrade.load_grader = lambda *_, **__: Model()
main()
"""


@pytest.fixture
def chaos(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`benchmarks/chaos.py`, which knows the made-up model's grades."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("chaos")


@pytest.fixture
def made_up_grader() -> Callable[[float], list[str]]:
    """`[*made_up_grader(0.02), "regrade", ...]`: a `grader` whose model is a function of the program's text, so that
    all grades are known, and takes so many seconds for a submission."""
    return lambda seconds: [sys.executable, "-c", SOURCE.format(benchmarks=str(BENCHMARKS), seconds=seconds)]


@pytest.fixture
def results_in() -> Callable[[Path], dict[str, str]]:
    """A folder of results -> its files' texts, without what they cost and the names that a store gives its grades."""

    def read(out: Path) -> dict[str, str]:
        texts = {path.name: path.read_text() for path in out.iterdir() if path.name != "cost.json"}
        return {name: re.sub('"grade_id":"[0-9a-f]+"', "", text) for name, text in texts.items()}

    return read
