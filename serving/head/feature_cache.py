"""Hidden states on disk, so that the model reads each program once for all later fits."""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from labs_schema.hashes import canonical_hash
from labs_schema.settings import data_folder
from serving.head.hidden_states import VERSION, Hidden, HiddenStates


def cache_folder() -> Path:
    return data_folder() / "features"


def forget_features() -> None:
    """Deletes all stored states: they are derived from students' programs, under hashes that name no student."""
    shutil.rmtree(cache_folder(), ignore_errors=True)


class CachedHiddenStates:
    """States by the hash of the text. `open_model` is called when the first text is not in the cache.

    `base_hash`: of the weights. A damaged file counts as missing.
    """

    def __init__(
        self, open_model: Callable[[], HiddenStates], width: int, base_hash: str, layers: Sequence[int], dtype: str
    ) -> None:
        self._open_model, self.width = open_model, width
        self._model: HiddenStates | None = None
        self._folder = cache_folder() / canonical_hash([VERSION, base_hash, list(layers), dtype])[:16]

    def means(self, texts: Sequence[str]) -> Hidden:
        found = {text: self._read(text) for text in dict.fromkeys(texts)}
        missing = [text for text, states in found.items() if states is None]
        if missing:
            if self._model is None:
                self._model = self._open_model()
            for text, states in zip(missing, self._model.means(missing), strict=True):
                found[text] = states
                self._write(text, states)
        return np.array([found[text] for text in texts], np.float32).reshape(len(texts), self.width)

    def close(self) -> None:
        if self._model is not None:
            self._model.close()
            self._model = None

    def _path(self, text: str) -> Path:
        name = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        return self._folder / name[:2] / f"{name}.npy"

    def _read(self, text: str) -> Hidden | None:
        try:
            states: Hidden = np.load(self._path(text), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return states if states.shape == (self.width,) and states.dtype == np.float32 else None

    def _write(self, text: str, states: Hidden) -> None:
        path = self._path(text)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.part")
        with draft.open("wb") as file:
            np.save(file, states, allow_pickle=False)
        draft.replace(path)
