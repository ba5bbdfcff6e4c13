"""A name for a model that changes with any of its weights. Knows no engine."""

import hashlib
from pathlib import Path

from labs_schema.errors import ModelError

WEIGHT_FILES = ("*.safetensors", "*.bin", "config.json", "adapter_config.json")


def weights_hashes(weights: str, adapter: Path | None = None) -> tuple[str, str]:
    """SHA-256 in hexadecimal over the names and bytes of all weight files of `weights` (a folder, or a hub id that is
    in the local cache), and over those of `weights` and `adapter`. Reads all once, about a second a gigabyte.

    Raises ModelError where `weights` are not here.
    """
    whole = hashlib.sha256()
    _add(whole, local_folder(weights))
    base = whole.hexdigest()
    if adapter:
        _add(whole, adapter)
    return base, whole.hexdigest()


def _add(whole: "hashlib._Hash", folder: Path) -> None:
    for path in (path for pattern in WEIGHT_FILES for path in sorted(folder.glob(pattern))):
        with path.open("rb") as file:
            whole.update(f"{path.name}\0".encode() + hashlib.file_digest(file, "sha256").digest())


def local_folder(weights: str) -> Path:
    """Raises ModelError where there is none."""
    if Path(weights).is_dir():
        return Path(weights)
    from transformers.utils import cached_file

    try:
        return Path(str(cached_file(weights, "config.json"))).parent
    except OSError as error:
        raise ModelError(
            f"{weights}: no such folder here, and neither the local cache nor the model hub gives it ({error}). "
            "Set HF_HOME to a cache that holds it, or put the folder where it was."
        ) from error
