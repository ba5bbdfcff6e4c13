"""LoRA adapters on disk, and base models that several adapters share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from labs_schema.errors import ModelError
from serving.engines.engine import EngineDownError

CONFIG, WEIGHTS = "adapter_config.json", ("adapter_model.safetensors", "adapter_model.bin")


def adapter_rank(adapter: Path) -> int:
    """The LoRA rank. Raises ModelError if `adapter` is not a folder with a LoRA adapter."""
    return AdapterFolder(adapter).rank


class AdapterFolder:
    """The LoRA adapter in `folder`, and whether its files are still those that were opened.

    Raises ModelError if the adapter is missing.
    """

    # Read here before vLLM sees it: vLLM accepts a path that does not exist, and its next call then never returns.
    def __init__(self, folder: Path) -> None:
        try:
            self.rank = int(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["r"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{folder}: no readable LoRA adapter ({error!r}). Pass a run's adapter/.", code="bad-adapter"
            ) from error
        self._folder, self._files = folder, _file_stamps(folder)
        if len(self._files) < 2:
            raise ModelError(
                f"{folder}: no weights, found none of {', '.join(WEIGHTS)}. Pass a run's adapter/.", code="bad-adapter"
            )

    # vLLM reads an adapter again after it was evicted. With changed files the answers would come from other weights
    # than those named in the grade's provenance.
    def check_unchanged(self) -> None:
        """Raises EngineDownError if the files were removed or rewritten."""
        if (now := _file_stamps(self._folder)) != self._files:
            what = "have changed; restart this process" if len(now) == len(self._files) else "are missing"
            raise EngineDownError(f"The adapter's files {what}.")


def _file_stamps(folder: Path) -> list[tuple[str, int, int, int]]:
    """Name, size, modification time and inode of the config and weight files."""
    present = [path for name in (CONFIG, *WEIGHTS) if (path := folder / name).is_file()]
    return [(path.name, (s := path.stat()).st_size, s.st_mtime_ns, s.st_ino) for path in present]


class SharesBase(Protocol):
    """An engine whose base model can serve several adapters."""

    max_rank: int
    closed: bool

    def with_adapter(self, adapter: Path, name: str) -> Self:
        """The same base with another adapter; closing one leaves the others open. Raises ModelError."""
        ...


E = TypeVar("E", bound=SharesBase)
BaseKey = tuple[object, ...]
"""Engines with an equal key can share a base: weights, tokenizer, context length, dtype."""


class SharedBases(Generic[E]):
    """Open engines by their base model, so that each base is loaded once."""

    def __init__(self) -> None:
        self._open: dict[BaseKey, list[E]] = {}

    def engine(self, base: BaseKey, adapter: Path, name: str, open_base: Callable[[], E]) -> E:
        """An engine for `adapter` on an open base with a sufficient rank, otherwise a new one by `open_base`."""
        live = [engine for engine in self._open.get(base, []) if not engine.closed]
        fitting = [engine for engine in live if engine.max_rank >= adapter_rank(adapter)]
        new = fitting[0].with_adapter(adapter, name) if fitting else open_base()
        self._open[base] = [*live, new]
        return new
