"""Opens the store named by GRADER_STORE, for commands."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def record_exported_file(results: Path, out: Path) -> None:
    """Records `out` as made from the folder `results`, so that forgotten students are erased from it too."""
    folder = results.resolve()
    with local_store() as store:
        made = [each for each in store.list_exports() if each.here and folder.is_relative_to(each.path) and each.course]
        if made and made[-1].course:
            store.record_export(made[-1].course, out)
