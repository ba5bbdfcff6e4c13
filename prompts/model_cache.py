"""The model cache: base models that were converted to safetensors, one folder each, with a record of their source.

A model appears in the cache complete or not at all. Its files are compared with their recorded hashes before use.
"""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from labs_schema.errors import ModelError
from labs_schema.frozen import Frozen
from labs_schema.hashes import file_hash
from labs_schema.settings import Settings

RECORD = "source.json"
NAME = re.compile(r"\w[\w.-]*")


class CachedModel(Frozen):
    """The record of a converted model. Hashes are SHA-256 in hexadecimal.

    `source`: the requirement or file that it was made from. `wheel_sha256`: None for a GGUF file of the user's own.
    `tool_versions`: the packages that converted it. `files`: name -> hash. `size_bytes`: of all files.
    """

    name: str
    source: str
    wheel_sha256: str | None
    gguf_sha256: str
    licence: str | None
    context_length: int
    parameters: int
    dtype: str
    tool_versions: dict[str, str]
    files: dict[str, str]
    size_bytes: int


def model_folder(name: str) -> Path:
    """Where the model called `name` is in the cache, if it is there."""
    return Settings().model_cache.expanduser().absolute() / name


def gguf_name(path: Path) -> str:
    """The name of a converted GGUF file in the cache: its own, with 12 digits of its SHA-256."""
    path = path.expanduser()
    stem = re.sub(r"[^\w.-]+", "-", path.stem).strip("-.") or "model"
    return f"{stem}-{_sha256(path)[:12]}"


def cached_model(name: str) -> CachedModel | None:
    """The record of the model called `name`; None if the cache does not have it. Raises ModelError if it is damaged."""
    if not NAME.fullmatch(name):
        return None
    path = model_folder(name) / RECORD
    try:
        return CachedModel.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        raise ModelError(f"{path} cannot be read ({error}). {_repair(name)}", code="model-cache-damaged") from None


def cached_models() -> list[CachedModel]:
    """All readable records, sorted by name."""
    folders = sorted(path.parent for path in model_folder("").glob(f"*/{RECORD}"))
    return [record for folder in folders if (record := _readable(folder.name))]


def verified_folder(record: CachedModel) -> Path:
    """The folder of a cached model. Its files are hashed once per process, about a second per gigabyte.

    Raises ModelError if a file is missing or has another hash than recorded.
    """
    folder = model_folder(record.name)
    try:
        differing = next((name for name, sha256 in record.files.items() if _sha256(folder / name) != sha256), None)
    except OSError as error:
        raise ModelError(f"{folder}: {error}. {_repair(record.name)}", code="model-cache-damaged") from None
    if differing:
        raise ModelError(
            f"{folder / differing}: changed since it was converted. {_repair(record.name)}", code="model-cache-damaged"
        )
    return folder


@contextmanager
def new_model(name: str) -> Iterator[Path | None]:
    """Yields an empty folder that becomes the model called `name`, unless an exception ends the block.

    Waits while another process writes the same model. Yields None if a valid one is there by then; a damaged one is
    replaced.
    """
    final = model_folder(name)
    final.parent.mkdir(parents=True, exist_ok=True)
    with final.with_name(f".{name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_valid(name):
            yield None
            return
        draft = final.with_name(f".{name}.part")
        shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
        draft.mkdir()
        try:
            yield draft
            shutil.rmtree(final, ignore_errors=True)
            draft.rename(final)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _sha256(path: Path) -> str:
    """The hash of a file, computed again only if the file changed: services look a model up for every request."""
    state = path.stat()
    return _unchanged_sha256(path, (state.st_size, state.st_mtime_ns, state.st_ino))


@cache
def _unchanged_sha256(path: Path, stamp: object) -> str:  # noqa: ARG001
    return file_hash(path)


def _is_valid(name: str) -> bool:
    try:
        record = cached_model(name)
        return record is not None and bool(verified_folder(record))
    except ModelError:
        return False


def _readable(name: str) -> CachedModel | None:
    try:
        return cached_model(name)
    except ModelError:
        return None


def _repair(name: str) -> str:
    return f"Replace it with: grader model pull {name}"
