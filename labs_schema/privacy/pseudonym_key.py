"""The local secret key from which students' pseudonyms in datasets, runs and reports are derived (HMAC).

Without it, a class list is not enough to reverse a pseudonym. It is created once, readable by its owner only, and never
part of a dataset, run or export. `GRADER_SECRET` sets another file.
"""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from labs_schema.errors import GraderError

KEY_BYTES = 32


def key_file() -> Path:
    """`GRADER_SECRET`, or the default in the user's data folder."""
    from labs_schema.settings import Settings  # imports pydantic_settings, which is slow

    return Settings().secret.expanduser().absolute()


def pseudonym_key() -> bytes:
    """The key, created if missing. Raises GraderError if the file cannot be used."""
    return _read(key_file())


def key_fingerprint() -> str:
    """8 hexadecimal digits that identify the key without revealing it."""
    return hmac.new(pseudonym_key(), b"mark", hashlib.sha256).hexdigest()[:8]


def is_current_key(fingerprint: str) -> bool:
    """Whether `fingerprint` is that of the current key. Does not create a key."""
    with suppress(GraderError):
        return _current_fingerprint() == fingerprint
    return False


def check_fingerprint(fingerprint: str, what: object) -> None:
    """Raises GraderError if the pseudonyms in `what` were derived from another key."""
    if (current := _current_fingerprint()) != fingerprint:
        raise GraderError(
            f"{what}: its pseudonyms were derived from another key than {key_file()}: found {current or 'no key'}, "
            f"expected {fingerprint or 'no key'}. Copy the key from the machine that built the dataset and set "
            "GRADER_SECRET to its path, or build the dataset again.",
            code="other-pseudonym-key",
        )


def _current_fingerprint() -> str | None:
    """None without a key. Raises GraderError if the file cannot be used."""
    try:
        exists = key_file().exists()
    except OSError as error:
        raise _unusable(key_file(), error) from error
    return key_fingerprint() if exists else None


def _unusable(path: Path, error: OSError) -> GraderError:
    return GraderError(f"The pseudonym key {path} cannot be used: {error.strerror}.", code="bad-pseudonym-key")


@lru_cache
def _read(path: Path) -> bytes:
    try:
        if not path.exists():
            _create(path)
        found = path.read_bytes()
    except OSError as error:
        raise _unusable(path, error) from error
    if len(found) < KEY_BYTES:
        raise GraderError(
            f"{path} is not a pseudonym key: found {len(found)} bytes, expected {KEY_BYTES}. Restore it from a backup.",
            code="bad-pseudonym-key",
        )
    return found


def _create(path: Path) -> None:
    """Atomic: os.link fails if the file exists, so of two processes that start together the first one wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
