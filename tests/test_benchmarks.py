"""Benchmarks run rarely, so a name that has changed would be found late."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_benchmark_can_be_imported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are scripts that import their neighbours by bare names."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    importlib.import_module(f"benchmarks.{name}")
