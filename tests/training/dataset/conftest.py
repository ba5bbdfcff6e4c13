"""Labs with unrelated programs, and datasets built from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from prompts.style import PromptStyle
from tests.harness.courses.lab_folders import write_lab
from training.dataset.build import DatasetOptions, build_dataset
from training.dataset.manifest import DatasetManifest


@pytest.fixture
def build() -> Callable[..., DatasetManifest]:
    """`build(labs, folder, **options)`: builds a dataset in the folder and returns its manifest."""

    def build(parent: Path, out: Path, report: Any = None, **options: Any) -> DatasetManifest:
        wanted = DatasetOptions(**{"style": PromptStyle()} | options)
        reporting = {"report": report} if report else {}
        return build_dataset(parent, out / "train.jsonl", out / "test.jsonl", wanted, **reporting)

    return build


@pytest.fixture
def labs(tmp_path: Path, make_lab: Callable[..., Lab], varied: Callable[[Lab], Lab]) -> Path:
    """Three labs of the same ten students."""
    parent = tmp_path / "labs"
    for name in ("lab1", "lab2", "lab3"):
        write_lab(varied(make_lab(name, students=10)), parent / name)
    return parent
