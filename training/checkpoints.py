"""Checkpoints that can be trusted: sealed when whole, and opened only by the run that made them.

A trainer's checkpoint holds pickles, so a foreign one could run code. The seal names the run and the hash of every
file; what is unsealed, changed or another run's is refused.
"""

import hashlib
import json
from pathlib import Path

from labs_schema.errors import ModelError

SEAL = "seal.json"


def run_id(config_text: str, dataset_hash: str) -> str:
    """What a checkpoint belongs to: the config as run and the data, as one SHA-256."""
    return hashlib.sha256(f"{config_text}\0{dataset_hash}".encode()).hexdigest()


def seal(checkpoint: Path, run: str) -> None:
    """Writes the seal last, so that its presence says that the checkpoint is whole."""
    files = {str(path.relative_to(checkpoint)): _sha256(path) for path in _files(checkpoint)}
    (checkpoint / SEAL).write_text(json.dumps({"run": run, "files": files}, indent=2) + "\n")


def latest_checkpoint(folder: Path, run: str) -> Path | None:
    """The newest checkpoint in `folder`, None where there is none. Raises ModelError where it cannot be trusted."""
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir() and path.name[11:].isdigit()]
    if not found:
        return None
    checkpoint = max(found, key=lambda path: int(path.name[11:]))
    if reason := _distrust(checkpoint, run):
        raise ModelError(f"{checkpoint}: {reason}. Remove that folder to resume from the checkpoint before it.")
    return checkpoint


def _distrust(checkpoint: Path, run: str) -> str | None:
    try:
        sealed = json.loads((checkpoint / SEAL).read_text())
        owner, files = sealed["run"], dict(sealed["files"])
    except FileNotFoundError:
        return "the checkpoint is half-written (it has no seal)"
    except (ValueError, KeyError, TypeError):
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
