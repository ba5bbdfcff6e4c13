"""A lab that is damaged, and what is told of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.errors import Severity
from labs_schema.lab_writer import write_lab
from labs_schema.models import Lab
from labs_schema.reading.validate import read_lab

Faults = set[tuple[str, Severity]]


@pytest.fixture
def faults_after(tmp_path: Path, make_lab: Callable[..., Lab]) -> Callable[[Callable[[Path], object]], Faults]:
    """Codes and severities of what is told of a lab's folder after a damage; all of it in words, and errors leave no
    lab."""

    def found(damage: Callable[[Path], object]) -> Faults:
        folder = tmp_path / "labs" / "lab1"
        write_lab(make_lab(), folder)
        assert read_lab(folder).faults == ()
        damage(folder)
        validated = read_lab(folder)
        faults = {(fault.code, fault.severity) for fault in validated.faults}
        assert (validated.lab is None) == any(kind is Severity.ERROR for _, kind in faults)
        for fault in validated.faults:
            assert fault.path.startswith("lab1") and fault.found and fault.expected and fault.hint
            assert str(fault).isprintable() and len(str(fault)) < 600 and "root:" not in str(fault)
        return faults

    return found
