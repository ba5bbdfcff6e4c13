"""The labs that requests may name: rubrics and problem statements, without submissions."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from threading import Lock

from labs_schema.checks.models import checks_hash
from labs_schema.checks.reading import has_checks, read_checks
from labs_schema.errors import Issue, IssueCollector
from labs_schema.models import Lab, Person
from labs_schema.reading.lab_folders import CHECK_FILES
from labs_schema.reading.validate import lab_folders, read_lab, read_rubric


class LabRegistry(dict[str, Lab]):
    """Lab name -> lab, sorted by name. `folders`: lab name -> its folder."""

    def __init__(self, labs: Iterable[Lab] = (), folders: Mapping[str, Path] | None = None) -> None:
        super().__init__((lab.name, lab) for lab in sorted(labs, key=lambda lab: lab.name))
        self.folders = dict(folders or {})
        self._reading = Lock()
        self._checked: dict[str, tuple[object, dict[str, int]]] = {}
        self._checks: dict[str, tuple[object, str | None]] = {}

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
        with self._reading:
            stamp = _stamp(folder)
            if self._checked.get(name, (None,))[0] != stamp:
                read = read_lab(folder)
                self._checked[name] = (stamp, lab.warnings if read.lab is None else read.counts)
            return lab.model_copy(update={"warnings": self._checked[name][1]})

    def checks(self, name: str) -> str | None:
        """The hash of the lab's checks; None if it has none, or none that can be used: see `grader check`.

        They are read again when a file of theirs has changed. Thread-safe.
        """
        folder = self.folders.get(name)
        if folder is None or not has_checks(folder):
            return None
        with self._reading:
            stamp = [_stamp(folder / each) for each in CHECK_FILES]
            if self._checks.get(name, (None,))[0] != stamp:
                found = read_checks(folder, IssueCollector(name))
                self._checks[name] = (stamp, checks_hash(found) if found else None)
            return self._checks[name][1]

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
