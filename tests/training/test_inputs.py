"""What a run lacks is told before its first stage."""

import time
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import ModelError
from training.config import RunConfig
from training.run.inputs import open_inputs


def test_a_run_whose_base_is_neither_here_nor_to_be_had_ends_at_once(
    dead_hub: Path, tmp_path: Path, make_lab: Any, write_dataset: Any
) -> None:
    data = write_dataset(make_lab(students=2), tmp_path / "data")
    begun = time.monotonic()
    with pytest.raises(ModelError, match=f"someone/model: not a folder, not in the cache {dead_hub}"):
        open_inputs(RunConfig.model_validate({"model": "someone/model", "dataset": str(data), "dpo": {}}))
    assert time.monotonic() - begun < 20
