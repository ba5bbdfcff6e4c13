"""Labs with unrelated programs, and datasets of them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.lab_writer import write_lab
from labs_schema.models import Lab, SourceFile
from prompts.style import PromptStyle
from training.dataset.build import DatasetOptions, build_dataset
from training.dataset.manifest import DatasetManifest


@pytest.fixture
def varied() -> Callable[[Lab], Lab]:
    """Replaces the programs of a lab with unrelated ones."""

    def varied(lab: Lab) -> Lab:
        def program(student: str) -> str:
            digits = hashlib.sha256(f"{lab.name}{student}".encode()).digest()
            return "".join(f"if (x == {digit}) return {digit % 7};\n" for digit in digits)

        submissions = tuple(
            one.model_copy(update={"files": (SourceFile(path="main.c", text=program(one.student)),)})
            for one in lab.submissions
        )
        return lab.model_copy(update={"submissions": submissions})

    return varied


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
