"""The transformers engine reports models that cannot be loaded."""

import shutil
from pathlib import Path

from serving.engines.engine import EngineOptions
from serving.engines.transformers_engine import TransformersEngine
from tests.harness.errors import raises_code


def test_a_folder_without_a_model_raises_a_model_error(tmp_path: Path) -> None:
    with raises_code("bad-weights"):
        TransformersEngine(EngineOptions(weights=str(tmp_path), tokenizer=str(tmp_path)))


def test_a_truncated_weight_file_raises_a_model_error(tiny_model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model_folder, model := tmp_path / "model")
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:1000])
    with raises_code("bad-weights"):
        TransformersEngine(EngineOptions(weights=str(model), tokenizer=str(model)))
