"""The labs that the service grades by name: rubric and problem statement, without anybody's work. Knows no HTTP."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from labs_schema.errors import Fault
from labs_schema.models import Lab
from labs_schema.validate import lab_folders, read_lab


class LabRegistry(Mapping[str, Lab]):
    """Lab name -> lab without submissions and without the TAs' grades, by name."""

    def __init__(self, labs: Iterable[Lab] = ()) -> None:
        self._labs = {lab.name: _rubric_only(lab) for lab in sorted(labs, key=lambda lab: lab.name)}

    def __getitem__(self, name: str) -> Lab:
        return self._labs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._labs)

    def __len__(self) -> int:
        return len(self._labs)


def _rubric_only(lab: Lab) -> Lab:
    return Lab(
        name=lab.name,
        problem=lab.problem,
        short_problem=lab.short_problem,
        language=lab.language,
        criteria=lab.criteria,
        submissions=(),
    )


def read_registry(parent: Path) -> tuple[LabRegistry, tuple[Fault, ...]]:
    """Every lab in `parent` that can be read, and what is wrong with the others (warnings are left out)."""
    read = [read_lab(folder) for folder in lab_folders(parent)]
    faults = tuple(fault for each in read if each.lab is None for fault in each.faults if fault.severity == "error")
    return LabRegistry(each.lab for each in read if each.lab is not None), faults
