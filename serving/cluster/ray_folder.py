"""The folder of a Ray cluster on this machine: programs may lie there that did not fit the memory. Knows no Ray."""

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
    """A new one, gone afterwards. Those that killed runs left are removed first: nobody holds their lock."""
    for folder in Path(gettempdir()).glob(f"{NAME}*"):
        with suppress(OSError), _locked(folder):
            shutil.rmtree(folder)
    with TemporaryDirectory(prefix=NAME, ignore_cleanup_errors=True) as name, _locked(Path(name)):
        yield name


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Raises OSError where another process holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
