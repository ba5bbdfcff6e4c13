"""Benchmarks run rarely, so without these tests a renamed import or command would be found late."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path.relative_to(ROOT) for path in sorted((ROOT / "benchmarks").rglob("*.py"))]
MODULES = [".".join(path.with_suffix("").parts) for path in FILES]
RUNNABLE = [
    name
    for name, path in zip(MODULES, FILES, strict=True)
    if 'if __name__ == "__main__"' in (ROOT / path).read_text(encoding="utf-8")
]
COMMANDS = {f"-m {name.removesuffix('.__main__')}" for name in RUNNABLE}
TEXTS = [path for folder in ("benchmarks", "docs", "tests") for path in (ROOT / folder).rglob("*.[mp][dy]")]


@pytest.mark.parametrize("name", MODULES)
def test_benchmark_can_be_imported(name: str) -> None:
    importlib.import_module(name)


@pytest.mark.parametrize("name", RUNNABLE)
def test_docstring_of_a_benchmark_has_its_command(name: str) -> None:
    usage = importlib.import_module(name).__doc__ or ""
    assert re.search(rf"python -m {re.escape(name.removesuffix('.__main__'))}(?![\w.])", usage)


@pytest.mark.parametrize("name", RUNNABLE)
def test_benchmark_has_the_option_help(name: str) -> None:
    path = FILES[MODULES.index(name)]
    assert "ArgumentParser(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_command_in_a_text_is_a_benchmark() -> None:
    texts = [*TEXTS, ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "Makefile"]
    command = re.compile(r"python (-m benchmarks[\w.]*|benchmarks/[\w./]*)")
    named = [(path.name, found) for path in texts for found in command.findall(path.read_text(encoding="utf-8"))]
    assert len(named) > 30
    assert [(page, found) for page, found in named if found.rstrip(".") not in COMMANDS] == []
