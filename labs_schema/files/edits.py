"""Edits of several files of a lab that take effect together, also if the process is killed in between.

The new files are prepared in a folder next to the lab. Renaming that folder commits the edit; its files are then moved
into the lab. Every reader of the lab first finishes a committed edit, so that it sees the old lab or the new one.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labs_schema.files.atomic import sync

WORK_PREFIX = ".grader-"
"""The beginning of the names of our own folders among labs."""
FILES = "files"
"""The folder inside a prepared edit: one level deeper, no command takes it for a lab."""


@contextmanager
def edit_lock(folder: Path) -> Iterator[None]:
    """Only one thread of all processes edits the lab at a time. The lock ends with its process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child of this process may have a copy of the descriptor
        os.close(descriptor)


@contextmanager
def draft_folder(folder: Path) -> Iterator[Path]:
    """An empty folder `files` next to the lab `folder`, for `commit_edit` or `create_folder`. Deleted afterwards."""
    top = Path(tempfile.mkdtemp(prefix=f"{WORK_PREFIX}draft-", dir=folder.parent))
    try:
        (top / FILES).mkdir()
        yield top / FILES
    finally:
        shutil.rmtree(top, ignore_errors=True)


def commit_edit(folder: Path, files: Path) -> None:
    """Moves the entries of `files`, a `draft_folder`, into the lab. A folder replaces only an empty one.

    Raises OSError if nothing was changed because of it.
    """
    finish_edit(folder)
    _sync_tree(files)
    files.parent.rename(_journal(folder))
    sync(folder.parent)
    finish_edit(folder)


def create_folder(folder: Path, files: Path) -> None:
    """Makes `files`, a `draft_folder`, the new lab `folder`. Raises FileExistsError if there is one with content."""
    _sync_tree(files)
    try:
        files.rename(folder)
    except OSError as error:
        if os.path.lexists(folder):
            raise FileExistsError(str(folder)) from error
        raise
    sync(folder.parent)


def finish_edit(folder: Path) -> None:
    """Finishes an edit that was committed and not completed. Safe to call at any time, by any number of processes."""
    journal = _journal(folder)
    try:
        entries = sorted((journal / FILES).iterdir())
    except OSError:
        return  # there is none, or this user may not read it
    for entry in entries:
        with suppress(OSError):  # another process was faster, or this user may not write
            entry.replace(folder / entry.name)
    for each in (journal / FILES, journal):
        with suppress(OSError):
            each.rmdir()
    with suppress(OSError):
        sync(folder)


def _journal(folder: Path) -> Path:
    return folder.parent / f"{WORK_PREFIX}edit-{folder.name}"


def _sync_tree(top: Path) -> None:
    for folder, _, names in os.walk(top):
        for name in names:
            sync(Path(folder) / name)
        sync(Path(folder))
