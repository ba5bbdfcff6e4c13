"""LoRA adapters on disk, and engines over one base that carry several. Knows no lab and no course.

An adapter is read here first: vLLM takes a path that is missing, and its next call then spins for ever.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from labs_schema.errors import ModelError
from serving.engines.engine import EngineDownError

CONFIG, WEIGHTS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")
SHARED_RANK = 64
"""Adapters up to this rank share a base, whichever comes first."""


def adapter_rank(adapter: Path) -> int:
    """Raises ModelError where `adapter` is no folder with a LoRA adapter."""
    return AdapterFolder(adapter).rank


class AdapterFolder:
    """The LoRA adapter in `folder` as it was when it was opened: vLLM reads it again whenever it had no room to keep
    it, and would then answer with other weights than a grade says. Raises ModelError where there is none."""

    def __init__(self, folder: Path) -> None:
        try:
            self.rank = int(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["r"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{folder}: no LoRA adapter that can be read ({error!r}). Give a run's adapter/."
            ) from error
        self._folder, self._files = folder, _files(folder)
        if len(self._files) < 2:
            raise ModelError(f"{folder} has no weights: found none of {', '.join(WEIGHTS)}. Give a run's adapter/.")

    def check(self) -> None:
        """Raises EngineDownError where it is gone or was written anew."""
        if (now := _files(self._folder)) != self._files:
            how = "were changed; start again what uses it" if len(now) == len(self._files) else "are gone"
            raise EngineDownError(f"The adapter's files {how}.")


def _files(folder: Path) -> list[tuple[str, int, int, int]]:
    """Config and weights that are there now, each with what is another once it is written anew."""
    there = [path for name in (CONFIG, *WEIGHTS) if (path := folder / name).is_file()]
    return [(path.name, (s := path.stat()).st_size, s.st_mtime_ns, s.st_ino) for path in there]


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
