"""Missing inputs are reported before the first stage."""

import time
from pathlib import Path
from typing import Any

from tests.harness.errors import raises_code
from training.config import RunConfig
from training.run.inputs import load_inputs


def test_an_unavailable_base_model_fails_fast(
    dead_hub: Path, tmp_path: Path, make_lab: Any, write_dataset: Any
) -> None:
    data = write_dataset(make_lab(students=2), tmp_path / "data")
    started = time.monotonic()
    with raises_code("model-not-found", f"someone/model.*{dead_hub}"):
        load_inputs(RunConfig.model_validate({"model": "someone/model", "dataset": str(data), "dpo": {}}))
    assert time.monotonic() - started < 20


def test_validation_on_trained_submissions_is_refused(
    tmp_path: Path, make_lab: Any, write_dataset: Any, tiny_model_folder: Path
) -> None:
    data = write_dataset(make_lab(students=3), tmp_path / "data")
    other = write_dataset(make_lab("lab2", students=3), tmp_path / "other")
    settings = {"model": str(tiny_model_folder), "dataset": str(data), "dpo": {}}
    inputs = load_inputs(RunConfig.model_validate({**settings, "eval_dataset": str(other / "train.jsonl")}))
    assert inputs.validation is not None and len(inputs.validation.examples) == 3
    with raises_code("dev-split-overlap", "3"):
        load_inputs(RunConfig.model_validate({**settings, "eval_dataset": str(data / "train.jsonl")}))
