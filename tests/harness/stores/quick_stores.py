"""SQLite stores that open quickly: running all migrations takes 0.1 s, and each sync some milliseconds."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from serving.store import database
from serving.store.store import open_store


class StoreFiles(NamedTuple):
    """The function that creates a new file, and whether commits are synced."""

    create: Callable[[Path], None]
    synchronous: object

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(database, "create_file", self.create)
        patch.setitem(database.PRAGMAS, "synchronous", self.synchronous)


@contextmanager
def quick_sqlite(folder: Path) -> Iterator[StoreFiles]:
    """In the block a new store of this process is a copy of an empty one in `folder`, and commits are not synced.

    The value restores what production does.
    """
    production = StoreFiles(database.create_file, database.PRAGMAS["synchronous"])
    open_store(str(folder / "store.db")).close()

    def copy(path: Path) -> None:
        copied = Path(tempfile.mkdtemp(dir=path.parent)) / "store.db"
        shutil.copy(folder / "store.db", copied)
        with suppress(FileExistsError):  # another thread was faster
            os.link(copied, path)
        shutil.rmtree(copied.parent)

    with pytest.MonkeyPatch.context() as patch:
        StoreFiles(copy, "OFF").apply(patch)
        yield production
