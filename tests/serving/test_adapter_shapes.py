from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from labs_schema.errors import ModelError
from serving.model.adapter_shapes import check_shapes

LAYER = "model.layers.{}.self_attn.q_proj"
OUT, IN, RANK = 12, 8, 2


def base(folder: Path, wide: int = 1) -> str:
    """In a file a layer, as large weights are kept."""
    folder.mkdir()
    for i in range(2):
        save_file({f"{LAYER.format(i)}.weight": np.zeros((OUT * wide, IN * wide))}, folder / f"part-{i}.safetensors")
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


def test_an_adapter_fits_the_base_it_was_trained_on_and_no_wider_one(adapter: Path, tmp_path: Path) -> None:
    check_shapes(adapter, base(tmp_path / "own"))
    with pytest.raises(ModelError, match=r"is no adapter of .*wide: its .* is \(2, 8\), on a matrix of \(24, 16\)"):
        check_shapes(adapter, base(tmp_path / "wide", wide=2))


def test_what_cannot_be_compared_is_left_to_the_engine(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "other-files").mkdir()
    check_shapes(adapter, str(tmp_path / "other-files"))
    packed = {f"{LAYER.format(0)}.weight": np.zeros((OUT * IN // 2, 1), dtype=np.uint8)}
    save_file(packed, tmp_path / "other-files" / "model.safetensors")
    check_shapes(adapter, str(tmp_path / "other-files"))


def test_half_a_file_is_a_named_error(adapter: Path, tmp_path: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors cannot be read"):
        check_shapes(adapter, base(tmp_path / "own"))
