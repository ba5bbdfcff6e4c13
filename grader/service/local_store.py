"""Opens the store named by GRADER_STORE, for commands."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from labs_schema.settings import Settings
from serving.store.store import Store, open_store


@contextmanager
def local_store() -> Iterator[Store]:
    """Creates or upgrades the store if needed. Raises StoreError if it cannot be used."""
    store = open_store(Settings().store)
    try:
        yield store
    finally:
        store.close()


def cli_actor() -> str:
    """The user of this machine, as actor in the audit log."""
    return f"terminal:{getpass.getuser()}"
