"""Files with a random secret key, created when they are first needed, readable by their owner only."""

import secrets
from pathlib import Path
from typing import NamedTuple

from labs_schema.errors import GraderError
from labs_schema.files.atomic import create_atomically

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
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                create_atomically(self.path, secrets.token_bytes(KEY_BYTES), mode=0o600)
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
