"""The local secret key from which students' pseudonyms in datasets, runs and reports are derived (HMAC).

Without it, a class list is not enough to reverse a pseudonym. It is created once, readable by its owner only, and never
part of a dataset, run or export. `GRADER_SECRET` sets another file.
"""

import hashlib
import hmac
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from labs_schema.errors import GraderError
from labs_schema.privacy.key_files import KeyFile


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
        raise _file(key_file()).unusable(error) from error
    return key_fingerprint() if exists else None


@lru_cache
def _read(path: Path) -> bytes:
    return _file(path).read()


def _file(path: Path) -> KeyFile:
    return KeyFile(path, "pseudonym key", "Restore it from a backup.", "bad-pseudonym-key")
