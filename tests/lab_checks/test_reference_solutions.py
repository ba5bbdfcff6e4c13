"""The reference solution of each lab passes all of its checks, in the sandbox."""

import shutil
from pathlib import Path

import pytest

from labs_schema.checks.reading import load_checks
from labs_schema.limits import SandboxLimits
from labs_schema.models import SourceFile, Submission
from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.sandbox import Sandbox
from serving.observing.observer import Observer
from serving.observing.toolchains import find_toolchain
from tests.lab_checks.test_lab_checks import FOLDERS, HERE

LANGUAGES = {".c": "C", ".cpp": "C++", ".java": "Java", ".py": "Python"}


@pytest.mark.slow
@pytest.mark.parametrize("lab", FOLDERS)
def test_the_reference_solution_passes_every_check(lab: str) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed, and make setup could not install it")
    (path,) = [path for path in (HERE / lab).iterdir() if path.suffix in LANGUAGES]
    patient = working_sandbox(Sandbox(SandboxLimits(wall_extra_seconds=30.0)))  # the machine may be busy
    observer = Observer(load_checks(FOLDERS[lab]), find_toolchain(LANGUAGES[path.suffix]), patient, {})
    observed = observer.observe(submission(path))
    assert len(observed.results) >= 18
    assert [each.check for each in observed.results if not each.passed] == []


def submission(path: Path) -> Submission:
    return Submission(student="s1", folder="s1", files=(SourceFile(path=path.name, text=path.read_text()),))
