"""Whether an adapter's matrices are of its base's shapes. Reads the heads of the files only; knows no engine.

vLLM copies the matrices of a smaller model's adapter into a corner of the larger ones, and answers with that.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from labs_schema.errors import ModelError
from serving.model.weights_hash import local_folder

MATRIX = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")


def check_shapes(adapter: Path, weights: str) -> None:
    """LoRA adds B A, of shapes (out, rank) and (rank, in), to a matrix of (out, in) (Hu et al. 2021, equation 3).

    `weights`: a folder, or a hub id that is in the local cache. What is not kept as safetensors, or under other names,
    is left to whoever loads it. Raises ModelError where the adapter is of another base.
    """
    base = _shapes(local_folder(weights).glob("*.safetensors"))
    for name, shape in _shapes(adapter.glob("*.safetensors")).items():
        whole, side = base.get(MATRIX.sub(r"\1.weight", name)), 1 if ".lora_A." in name else 0
        if whole and shape[side] != whole[side]:
            raise ModelError(
                f"{adapter} is no adapter of {weights}: its {name} is {shape}, on a matrix of {whole}. "
                "Give the base that it was trained on."
            )


def _shapes(files: Iterable[Path]) -> dict[str, tuple[int, ...]]:
    """Of every tensor that is not packed, as whole numbers are. Raises ModelError for a file that cannot be read."""
    from safetensors import SafetensorError, safe_open

    shapes = {}
    for path in files:
        try:
            with safe_open(path, framework="np") as file:
                tensors = {name: file.get_slice(name) for name in file.offset_keys()}
                plain = {name: each for name, each in tensors.items() if "F" in each.get_dtype()}
                shapes.update({name: tuple(each.get_shape()) for name, each in plain.items()})
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from error
    return shapes
