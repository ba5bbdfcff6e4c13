from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from labs_schema.errors import ModelError
from serving.model.weights import check_adapter_shapes
from tests.harness.errors import raises_code

LAYER = "model.layers.{}.self_attn.q_proj"
OUT, IN, RANK = 12, 8, 2


def base(folder: Path, factor: int = 1) -> str:
    """Sharded, one file per layer, like large models."""
    folder.mkdir()
    for i in range(2):
        save_file(
            {f"{LAYER.format(i)}.weight": np.zeros((OUT * factor, IN * factor))}, folder / f"part-{i}.safetensors"
        )
    return str(folder)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    parts = {}
    for i in range(2):
        name = f"base_model.model.{LAYER.format(i)}"
        parts |= {f"{name}.lora_A.weight": np.zeros((RANK, IN)), f"{name}.lora_B.weight": np.zeros((OUT, RANK))}
    (folder := tmp_path / "adapter").mkdir()
    save_file(parts, folder / "adapter_model.safetensors")
    return folder


def test_an_adapter_fits_its_own_base_but_not_a_wider_one(adapter: Path, tmp_path: Path) -> None:
    check_adapter_shapes(adapter, base(tmp_path / "own"))
    with pytest.raises(
        ModelError, match=r"does not fit base model .*wide: .* has shape \(2, 8\), its matrix \(24, 16\)"
    ):
        check_adapter_shapes(adapter, base(tmp_path / "wide", factor=2))


def test_weights_in_other_formats_are_not_compared(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "other-files").mkdir()
    check_adapter_shapes(adapter, str(tmp_path / "other-files"))
    packed = {f"{LAYER.format(0)}.weight": np.zeros((OUT * IN // 2, 1), dtype=np.uint8)}
    save_file(packed, tmp_path / "other-files" / "model.safetensors")
    check_adapter_shapes(adapter, str(tmp_path / "other-files"))


def test_a_truncated_file_raises_a_model_error(adapter: Path, tmp_path: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:20])
    with raises_code("bad-weights", r"adapter_model\.safetensors"):
        check_adapter_shapes(adapter, base(tmp_path / "own"))
