"""Checkpoints that can be trusted: sealed when whole, and opened only by the run that made them.

A trainer's checkpoint holds pickles, so a foreign one could run code. The seal names the run and the hash of every
file. What has no seal was not finished, or comes from elsewhere: it is never read. What changed, or is another run's,
is refused.
"""

import hashlib
import json
from pathlib import Path

from labs_schema.errors import ModelError
from training.run_folder import write_whole

SEAL = "seal.json"


def run_id(config_text: str, dataset_hash: str) -> str:
    """What a checkpoint belongs to: the config as run and the data, as one SHA-256."""
    return hashlib.sha256(f"{config_text}\0{dataset_hash}".encode()).hexdigest()


def seal(checkpoint: Path, run: str) -> None:
    """Writes the seal last, so that its presence says that the checkpoint is whole."""
    files = {str(path.relative_to(checkpoint)): _sha256(path) for path in _files(checkpoint)}
    write_whole(checkpoint / SEAL, json.dumps({"run": run, "files": files}, indent=2) + "\n")


def unsealed_checkpoints(folder: Path) -> list[Path]:
    """Those in `folder` that were half-written when their run was killed, or never were this program's."""
    return [path for path in _checkpoints(folder) if not (path / SEAL).is_file()]


def latest_checkpoint(folder: Path, run: str) -> Path | None:
    """The newest sealed checkpoint in `folder`, None where there is none. Raises ModelError where it cannot be
    trusted."""
    sealed = [path for path in _checkpoints(folder) if (path / SEAL).is_file()]
    if sealed and (reason := _distrust(sealed[-1], run)):
        raise ModelError(f"{sealed[-1]}: {reason}. Remove that folder to resume from the checkpoint before it.")
    return sealed[-1] if sealed else None


def _checkpoints(folder: Path) -> list[Path]:
    """From the oldest to the newest."""
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir() and path.name[11:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[11:]))


def _distrust(checkpoint: Path, run: str) -> str | None:
    try:
        sealed = json.loads((checkpoint / SEAL).read_text())
        owner, files = sealed["run"], dict(sealed["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return "the checkpoint's seal cannot be read"
    if owner != run:
        return "the checkpoint is another run's, or the config or the data set changed since"
    if files != {str(path.relative_to(checkpoint)): _sha256(path) for path in _files(checkpoint)}:
        return "the checkpoint's files are not those that were sealed"
    return None


def _files(checkpoint: Path) -> list[Path]:
    return sorted(path for path in checkpoint.rglob("*") if path.is_file() and path.name != SEAL)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
