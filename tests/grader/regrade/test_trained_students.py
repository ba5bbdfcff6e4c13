"""The number of a lab's students in the training data is known with the pseudonym key only."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.regrade.regrade import trained_on
from labs_schema.hashes import file_hash
from labs_schema.models import Lab
from prompts.style import PromptStyle
from tests.harness.courses.lab_folders import write_lab
from training.dataset.build import DatasetOptions, build_dataset
from training.dataset.manifest import verify_dataset
from training.run_folder import RunFolder


def test_number_is_unknown_without_the_key_and_no_key_is_created(
    make_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, other, data = make_lab(name="lab1"), make_lab(name="lab2"), tmp_path / "data"
    write_lab(lab, tmp_path / "labs" / "lab1")
    build_dataset(tmp_path / "labs", data / "train.jsonl", data / "test.jsonl", DatasetOptions(style=PromptStyle()))
    manifest = verify_dataset(data)
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.write_dataset(file_hash(data / "train.jsonl"), manifest)
    assert trained_on(str(run.path), lab) == len(manifest.labs["lab1"].train) > 0
    for missing in (tmp_path / "new" / "key", Path("/proc/none/key"), tmp_path / "labs" / "lab1" / "rubric.json"):
        monkeypatch.setenv("GRADER_SECRET", str(missing))
        assert (trained_on(str(run.path), lab), trained_on(str(run.path), other)) == (None, 0)
        assert trained_on("org/model", lab) == 0
    assert not (tmp_path / "new").exists()
