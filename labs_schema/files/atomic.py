"""Writes a file completely or not at all, also if the process is killed."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, data: str | bytes, *, mode: int | None = None) -> None:
    """Replaces the file; on disk when it returns. `mode`: its permissions, by default those of any new file."""
    _draft(path, data, mode).replace(path)


def create_atomically(path: Path, data: str | bytes, *, mode: int | None = None) -> None:
    """Does nothing if the file exists: of two processes that start together, the first one wins."""
    draft = _draft(path, data, mode)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _draft(path: Path, data: str | bytes, mode: int | None) -> Path:
    draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o666 if mode is None else mode), "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)  # whatever the umask is
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft
