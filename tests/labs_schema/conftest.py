"""Fixtures: a lab, and the issues that damage to it causes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.errors import Severity
from labs_schema.models import Lab
from labs_schema.reading.validate import read_lab
from tests.harness.courses.lab_folders import write_lab

Issues = set[tuple[str, Severity]]


@pytest.fixture
def issues_after(tmp_path: Path, make_lab: Callable[..., Lab]) -> Callable[[Callable[[Path], object]], Issues]:
    """Returns the codes and severities reported after damaging a lab.

    Checks every issue's text, and that an error leaves no lab.
    """

    def found(damage: Callable[[Path], object]) -> Issues:
        folder = tmp_path / "labs" / "lab1"
        write_lab(make_lab(), folder)
        assert read_lab(folder).issues == ()
        damage(folder)
        validated = read_lab(folder)
        issues = {(issue.code, issue.severity) for issue in validated.issues}
        assert (validated.lab is None) == any(kind is Severity.ERROR for _, kind in issues)
        for issue in validated.issues:
            assert issue.path.startswith("lab1") and issue.found and issue.expected and issue.hint
            assert str(issue).isprintable() and len(str(issue)) < 600 and "root:" not in str(issue)
        return issues

    return found
