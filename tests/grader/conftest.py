"""`grader` as a process, with a synthetic model."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.processes import ROOT

SOURCE = """
import sys, time
from types import SimpleNamespace
sys.path.insert(0, {root!r})
import grader.regrade.regrade
from grader.cli import main
from tests.harness.synthetic_lab import expected_grade

class Model:
    engine = SimpleNamespace(name="hash", version="1", context_length=1, close=lambda: None)
    def grade(self, lab, submissions, *, reasoning=False):
        time.sleep({seconds} * len(submissions))
        return [expected_grade(lab, each) for each in submissions]
    def provenance(self, lab, submission, *, reasoning=False):
        return expected_grade(lab, submission).provenance
    def close(self): ...

grader.regrade.regrade.load_grader = lambda *_, **__: Model()
main()
"""


@pytest.fixture
def synthetic_command() -> Callable[[float], list[str]]:
    """`[*synthetic_command(0.02), "regrade", ...]`: a `grader` with a synthetic model that takes so many seconds for a
    submission."""
    return lambda seconds: [sys.executable, "-c", SOURCE.format(root=str(ROOT), seconds=seconds)]


@pytest.fixture
def results_in() -> Callable[[Path], dict[str, str]]:
    """A folder of results -> its files' texts, without what they cost and the names that a store gives its grades."""

    def read(out: Path) -> dict[str, str]:
        texts = {path.name: path.read_text() for path in out.iterdir() if path.name != "cost.json"}
        return {name: re.sub('"grade_id":"[0-9a-f]+"', "", text) for name, text in texts.items()}

    return read
