"""Weight files on disk: their hashes, and whether an adapter's matrices fit its base."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from labs_schema.errors import ModelError

WEIGHT_FILES = ("*.safetensors", "*.bin", "config.json", "adapter_config.json", "head.json")
LORA_MATRIX = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")


def weights_hashes(weights: str, adapter: Path | None = None) -> tuple[str, str]:
    """SHA-256 (hexadecimal) over the names and bytes of all weight files of `weights` (a folder, or a hub id in the
    local cache), and over those of `weights` and `adapter` together. Takes about a second per gigabyte.

    Raises ModelError if `weights` are not on this machine.
    """
    digest = hashlib.sha256()
    _add(digest, local_folder(weights))
    base = digest.hexdigest()
    if adapter:
        _add(digest, adapter)
    return base, digest.hexdigest()


def _add(digest: "hashlib._Hash", folder: Path) -> None:
    for path in (path for pattern in WEIGHT_FILES for path in sorted(folder.glob(pattern))):
        with path.open("rb") as file:
            digest.update(f"{path.name}\0".encode() + hashlib.file_digest(file, "sha256").digest())


def local_folder(weights: str) -> Path:
    """The folder with the files of `weights`. Raises ModelError if there is none."""
    if Path(weights).is_dir():
        return Path(weights)
    from transformers.utils import cached_file

    try:
        return Path(str(cached_file(weights, "config.json"))).parent
    except OSError as error:
        raise ModelError(
            f"{weights}: no such folder, and neither the local cache nor the model hub has it ({error}). "
            "Set HF_HOME to a cache that contains it, or restore the folder.",
            code="model-not-found",
        ) from error


def check_adapter_shapes(adapter: Path, weights: str) -> None:
    """LoRA adds B A, of shapes (out, rank) and (rank, in), to a matrix of (out, in) (Hu et al. 2021, equation 3).

    `weights`: a folder, or a hub id in the local cache. Only safetensors files with PEFT's usual names are compared.
    Raises ModelError if the adapter belongs to another base.
    """
    # vLLM copies the matrices of a smaller model's adapter into a corner of the larger ones, without an error.
    base = _shapes(local_folder(weights).glob("*.safetensors"))
    for name, shape in _shapes(adapter.glob("*.safetensors")).items():
        matrix, side = base.get(LORA_MATRIX.sub(r"\1.weight", name)), 1 if ".lora_A." in name else 0
        if matrix and shape[side] != matrix[side]:
            raise ModelError(
                f"{adapter} does not fit base model {weights}: {name} has shape {shape}, its matrix {matrix}. "
                "Pass the base model that it was trained on.",
                code="bad-adapter",
            )


def _shapes(files: Iterable[Path]) -> dict[str, tuple[int, ...]]:
    """Tensor name -> shape, for floating-point tensors: 4-bit weights are packed into integers of other shapes.

    Raises ModelError for an unreadable file.
    """
    from safetensors import SafetensorError, safe_open

    shapes = {}
    for path in files:
        try:
            with safe_open(path, framework="np") as file:
                slices = {name: file.get_slice(name) for name in file.offset_keys()}
                floats = {name: each for name, each in slices.items() if "F" in each.get_dtype()}
                shapes.update({name: tuple(each.get_shape()) for name, each in floats.items()})
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path} cannot be read: {error}", code="bad-weights") from error
    return shapes
