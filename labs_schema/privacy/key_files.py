"""Files with a random secret key, created when they are first needed, readable by their owner only."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from labs_schema.errors import GraderError

KEY_BYTES = 32


class KeyFile(NamedTuple):
    """`name` is that of the key in messages, `hint` how to replace a damaged file, `code` that of its errors."""

    path: Path
    name: str
    hint: str
    code: str

    def read(self) -> bytes:
        """The key, created if missing. Raises GraderError if the file cannot be used."""
        try:
            if not self.path.exists():
                _create(self.path)
            found = self.path.read_bytes()
        except OSError as error:
            raise self.unusable(error) from error
        if len(found) < KEY_BYTES:
            raise GraderError(
                f"{self.path} is not a {self.name}: found {len(found)} bytes, expected {KEY_BYTES}. {self.hint}",
                code=self.code,
            )
        return found

    def unusable(self, error: OSError) -> GraderError:
        return GraderError(f"The {self.name} {self.path} cannot be used: {error.strerror}.", code=self.code)


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
