"""The labs that requests may name: rubrics and problem statements, without submissions."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from labs_schema.errors import Issue
from labs_schema.models import Lab, Person
from labs_schema.reading.validate import lab_folders, read_rubric


class LabRegistry(dict[str, Lab]):
    """Lab name -> lab, sorted by name. `folders`: lab name -> its folder."""

    def __init__(self, labs: Iterable[Lab] = (), folders: Mapping[str, Path] | None = None) -> None:
        super().__init__((lab.name, lab) for lab in sorted(labs, key=lambda lab: lab.name))
        self.folders = dict(folders or {})

    def add(self, folder: Path) -> bool:
        """Adds a new lab, if its rubric can be read."""
        lab = read_rubric(folder).lab
        if lab is None:
            return False
        self[lab.name] = lab
        self.folders[lab.name] = folder
        self.__dict__.pop("roster", None)
        return True

    @cached_property
    def roster(self) -> tuple[Person, ...]:
        """People on the rosters of all labs."""
        return tuple(dict.fromkeys(person for lab in self.values() for person in lab.roster))


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
