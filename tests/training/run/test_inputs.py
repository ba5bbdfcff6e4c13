"""Missing inputs are reported before the first stage."""

import time
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import ModelError
from training.config import RunConfig
from training.run.inputs import load_inputs


def test_an_unavailable_base_model_fails_fast(
    dead_hub: Path, tmp_path: Path, make_lab: Any, write_dataset: Any
) -> None:
    data = write_dataset(make_lab(students=2), tmp_path / "data")
    started = time.monotonic()
    with pytest.raises(ModelError, match=f"someone/model: not a folder, not in the cache {dead_hub}"):
        load_inputs(RunConfig.model_validate({"model": "someone/model", "dataset": str(data), "dpo": {}}))
    assert time.monotonic() - started < 20
