"""The labs that requests may name: rubrics and problem statements, without submissions."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from labs_schema.checks.models import checks_hash
from labs_schema.checks.reading import has_checks, read_checks
from labs_schema.errors import InputError, Issue, IssueCollector
from labs_schema.models import Lab, Person
from labs_schema.reading.lab_folders import CHECK_FILES, RATINGS, table_names
from labs_schema.reading.validate import lab_folders, load_lab, read_lab, read_rubric

Found = TypeVar("Found")


class LabRegistry(dict[str, Lab]):
    """Lab name -> lab, sorted by name. `folders`: lab name -> its folder."""

    def __init__(self, labs: Iterable[Lab] = (), folders: Mapping[str, Path] | None = None) -> None:
        super().__init__((lab.name, lab) for lab in sorted(labs, key=lambda lab: lab.name))
        self.folders = dict(folders or {})
        self._known: dict[tuple[str, str], tuple[object, Any]] = {}
        self._reading = {kind: Lock() for kind in ("warnings", "checks", "ratings")}

    def add(self, folder: Path) -> bool:
        """Adds a new lab, if its rubric can be read."""
        lab = read_rubric(folder).lab
        if lab is None:
            return False
        self[lab.name] = lab
        self.folders[lab.name] = folder
        self.__dict__.pop("roster", None)
        return True

    def with_warnings(self, name: str) -> Lab:
        """The lab with the warnings of `grader check`, which also reads its submissions and tables.

        They are read again when a file has changed. A lab that can no longer be read has the warnings that it had when
        it was registered. Thread-safe. Raises KeyError.
        """
        lab, folder = self[name], self.folders.get(name)
        if folder is None:
            return lab

        def read() -> dict[str, int]:
            found = read_lab(folder)
            return lab.warnings if found.lab is None else found.counts

        return lab.model_copy(update={"warnings": self._current("warnings", name, _stamp(folder), read)})

    def checks(self, name: str) -> str | None:
        """The hash of the lab's checks; None if it has none, or none that can be used: see `grader check`.

        They are read again when a file of theirs has changed. Thread-safe.
        """
        folder = self.folders.get(name)
        if folder is None or not has_checks(folder):
            return None

        def read() -> str | None:
            found = read_checks(folder, IssueCollector(name))
            return checks_hash(found) if found else None

        return self._current("checks", name, [_stamp(folder / each) for each in CHECK_FILES], read)

    def load(self, name: str) -> Lab | None:
        """The lab with its submissions, as its folder has them now; None without a folder that can be read."""
        with suppress(InputError, OSError):
            return load_lab(self.folders[name]) if name in self.folders else None
        return None

    def ta_ratings(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """The ratings in the lab's own tables: student's id -> criterion title -> rating. Empty without a folder that
        can be read. The lab is read again when a table has changed, which takes seconds for thousands of submissions.
        Thread-safe.
        """
        with suppress(InputError, OSError):
            tables = [self.folders[name] / each for each in table_names(RATINGS)] if name in self.folders else []
            if stamp := [path.stat().st_mtime for path in tables if path.exists()]:
                return self._current("ratings", name, stamp, lambda: load_lab(self.folders[name]).ratings_by_student)
        return {}

    def _current(self, kind: str, name: str, stamp: object, read: Callable[[], Found]) -> Found:
        """The result of `read` for the files that have this `stamp`. One thread at a time reads."""
        with self._reading[kind]:
            if self._known.get((kind, name), (None,))[0] != stamp:
                self._known[kind, name] = stamp, read()
            found: Found = self._known[kind, name][1]
            return found

    @cached_property
    def roster(self) -> tuple[Person, ...]:
        """People on the rosters of all labs."""
        return tuple(dict.fromkeys(person for lab in self.values() for person in lab.roster))


def _stamp(folder: Path) -> object:
    """Changes when a file in `folder` is added, removed or written."""
    found = []
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):
            status = path.lstat()
            found.append((str(path), status.st_mtime_ns, status.st_size))
    return found


def read_registry(parent: Path) -> tuple[LabRegistry, tuple[Issue, ...]]:
    """Every lab in `parent` whose rubric can be read, and the errors of the others.

    Submissions and the TAs' grades are not read, so `Lab.warnings` counts those of the other files.
    """
    read = {folder: read_rubric(folder) for folder in lab_folders(parent)}
    issues = tuple(
        issue for each in read.values() if each.lab is None for issue in each.issues if issue.severity == "error"
    )
    usable = {folder: each.lab_with_warnings() for folder, each in read.items() if each.lab is not None}
    labs = {lab.name: (lab, folder) for folder, lab in usable.items()}
    folders = {name: folder for name, (_, folder) in labs.items()}
    return LabRegistry((lab for lab, _ in labs.values()), folders), issues
