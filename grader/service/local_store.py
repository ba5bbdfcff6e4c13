"""Where this machine's store is, and who writes into it from a terminal."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from serving.store.store import Store, open_store


def default_url() -> str:
    """A SQLite file in the user's data folder: ~/.local/share/grader/grader.db, or below XDG_DATA_HOME."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return f"sqlite:///{Path(data).absolute() / 'grader' / 'grader.db'}"


class StoreSettings(BaseSettings):
    """`store`, from GRADER_STORE: `sqlite:////absolute/path.db` or `postgresql://user:password@host/name`."""

    model_config = SettingsConfigDict(env_prefix="GRADER_", frozen=True)
    store: str = Field(default_factory=default_url, min_length=1)


@contextmanager
def local_store() -> Iterator[Store]:
    """Opens the store, made and upgraded where needed. Raises StoreError where it cannot be used."""
    store = open_store(StoreSettings().store)
    try:
        yield store
    finally:
        store.close()


def at_terminal() -> str:
    """The actor of a command, for the audit log."""
    return f"terminal:{getpass.getuser()}"
