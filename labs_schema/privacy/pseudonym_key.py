"""The secret of this machine's user, by which students' pseudonyms in data sets, runs and reports are made.

Whoever has a class list and no secret cannot tell whose work a pseudonym stands for. It is made once, readable by its
owner alone, and in no data set, run folder or export. It lies in a file rather than an argument because who names a
lab's work needs the same one everywhere; `GRADER_SECRET` names another file. Knows no pseudonym.
"""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from labs_schema.errors import GraderError

BYTES = 32


def key_file() -> Path:
    """`GRADER_SECRET`, or the default in the user's data folder."""
    from labs_schema.settings import Settings  # imports pydantic_settings, which is slow

    return Settings().secret.expanduser().absolute()


def pseudonym_key() -> bytes:
    """Made where there is none yet. Raises GraderError where the file cannot be used."""
    return _read(key_file())


def key_fingerprint() -> str:
    """8 hexadecimal digits by which the secret is known again, and not found."""
    return hmac.new(pseudonym_key(), b"mark", hashlib.sha256).hexdigest()[:8]


def is_current_key(mark: str) -> bool:
    """Whether this user's secret is the one of `mark`. Without a secret it is not, and none is made to find out."""
    with suppress(GraderError):
        return _current_fingerprint() == mark
    return False


def check_fingerprint(mark: str, what: object) -> None:
    """Raises GraderError where the pseudonyms of `what` were made by another secret than this user's."""
    if (found := _current_fingerprint()) != mark:
        raise GraderError(
            f"{what}: whose work it names cannot be told with the secret {key_file()}; found {found or 'none'}, "
            f"expected {mark or 'none'}. Copy the secret from where the data set was built, and name it in "
            "GRADER_SECRET; or build the data set again."
        )


def _current_fingerprint() -> str | None:
    """None where there is no secret. Raises GraderError where the file cannot be used."""
    try:
        there = key_file().exists()
    except OSError as error:
        raise _unusable(key_file(), error) from error
    return key_fingerprint() if there else None


def _unusable(path: Path, error: OSError) -> GraderError:
    return GraderError(f"The secret of pseudonyms, {path}, cannot be used: {error.strerror}.")


@lru_cache
def _read(path: Path) -> bytes:
    try:
        if not path.exists():
            _make(path)
        found = path.read_bytes()
    except OSError as error:
        raise _unusable(path, error) from error
    if len(found) < BYTES:
        raise GraderError(f"{path} is no secret: found {len(found)} bytes, expected {BYTES}. Take it from a backup.")
    return found


def _make(path: Path) -> None:
    """Whole or not at all; of two processes that start at once, the first one's counts."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secrets.token_bytes(BYTES))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
