"""Finds weights that are NaN or infinite: the result of a diverged training."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from labs_schema.errors import ModelError


def non_finite_weight(weights: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first tensor with a NaN or an infinity; None if all values are finite."""
    return next((name for name, tensor in weights if not bool(torch.isfinite(tensor).all())), None)


def check_finite(weights: Iterable[tuple[str, Tensor]], path: Path, hint: str) -> None:
    """Raises ModelError with `path`, the first bad tensor and `hint`."""
    if (name := non_finite_weight(weights)) is not None:
        raise ModelError(f"{path}: the weights {name} are NaN or infinite. {hint}", code="non-finite-weights")


def stored_weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Name and tensor of all safetensors files of a folder, one tensor in memory at a time."""
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (not a dict)
                yield name, file.get_tensor(name)
