"""The temporary folder of a local Ray cluster, to which Ray spills programs that do not fit in memory."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

NAME = "grader-ray-"


@contextmanager
def ray_folder() -> Iterator[str]:
    """A new folder, deleted afterwards. First deletes the folders of killed runs, which no process has locked."""
    for folder in Path(gettempdir()).glob(f"{NAME}*"):
        with suppress(OSError), _locked(folder):
            shutil.rmtree(folder)
    with TemporaryDirectory(prefix=NAME, ignore_cleanup_errors=True) as name, _locked(Path(name)):
        yield name


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Raises OSError if another process has locked it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
