"""The ratings that TAs gave in the lab's own files, read again when a table changes."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from labs_schema.errors import InputError
from labs_schema.reading.lab_folders import RATINGS, table_names
from labs_schema.reading.validate import load_lab

Ratings = Mapping[str, Mapping[str, str]]


class TaRatings:
    """Thread-safe. Reads a complete lab, which may take seconds for thousands of submissions."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[float, ...], Ratings]] = {}
        self._lock = Lock()

    def of(self, folder: Path | None) -> Ratings:
        """Student's id -> criterion title -> rating; empty without a folder that can be read."""
        if folder is None:
            return {}
        with self._lock:
            try:
                stamp = _stamp(folder)
                if folder not in self._known or self._known[folder][0] != stamp:
                    self._known[folder] = stamp, load_lab(folder).ratings_by_student if stamp else {}
                return self._known[folder][1]
            except (InputError, OSError):
                return {}


def _stamp(folder: Path) -> tuple[float, ...]:
    tables = [folder / name for name in table_names(RATINGS)]
    return tuple(path.stat().st_mtime for path in tables if path.exists())
