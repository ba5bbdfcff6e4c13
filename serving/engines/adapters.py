"""LoRA adapters on disk, and engines over one base that carry several. Knows no lab and no course.

An adapter is read here first: vLLM takes a path that is missing, and its next call then spins for ever.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from labs_schema.errors import ModelError

CONFIG, WEIGHTS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
SHARED_RANK = 64
"""Adapters up to this rank share a base, whichever comes first."""


def adapter_rank(adapter: Path) -> int:
    """Raises ModelError where `adapter` is no folder with a LoRA adapter."""
    try:
        rank = int(json.loads((adapter / CONFIG).read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{adapter}: no LoRA adapter that can be read ({error!r}). Give a run's adapter/.") from error
    if not present(adapter):
        raise ModelError(f"{adapter} has no weights: found none of {', '.join(WEIGHTS)}. Give a run's adapter/.")
    return rank


def present(adapter: Path) -> bool:
    """Whether config and weights are there at this moment."""
    return (adapter / CONFIG).is_file() and any((adapter / name).is_file() for name in WEIGHTS)


class CarriesAdapters(Protocol):
    most_rank: int
    closed: bool

    def with_adapter(self, adapter: Path, name: str) -> Self:
        """The same base with another adapter; closing one of them leaves the others. Raises ModelError."""
        ...


E = TypeVar("E", bound=CarriesAdapters)
Base = tuple[object, ...]
"""What engines must have in common to be one: weights, tokenizer, context length, dtype."""


class AdapterBases(Generic[E]):
    """The engines that are open over bases, of which each is opened once."""

    def __init__(self) -> None:
        self._open: dict[Base, list[E]] = {}

    def carry(self, base: Base, adapter: Path, name: str, opened: Callable[[], E]) -> E:
        """An engine that asks `base` through `adapter`: one that is open already, else what `opened` opens."""
        living = [engine for engine in self._open.get(base, []) if not engine.closed]
        fits = [engine for engine in living if engine.most_rank >= adapter_rank(adapter)]
        new = fits[0].with_adapter(adapter, name) if fits else opened()
        self._open[base] = [*living, new]
        return new
