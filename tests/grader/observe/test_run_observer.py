"""`grader observer` runs the checks of labs on disk, in the sandbox."""

import shutil
from pathlib import Path

import pytest

from grader.observe.run_observer import ReadyObservers, start_observer
from labs_schema.checks.models import checks_hash
from labs_schema.checks.reading import load_checks
from labs_schema.models import SourceFile, Submission
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import OneCourse
from serving.observer.queue import ObservationQueue, Work
from serving.store.store import open_store
from tests.grader.observe.test_observe_lab import SUM, write_lab
from tests.harness.errors import raises_code
from tests.harness.processes.forking import wait_until


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed, and make setup could not install it")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return write_lab(tmp_path / "labs" / "lab", {"s1": "print(5)"}, SUM)


def test_checks_of_a_posted_program_are_run_in_the_sandbox(lab: Path, tmp_path: Path) -> None:
    courses = OneCourse("cs101", LabRegistry(), lab.parent)
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    student = store.pseudonym_for("cs101", "s1", actor="test")
    program = Submission(student=student, folder=student, files=(SourceFile(path="main.py", text="print(0)\n"),))
    checks = checks_hash(load_checks(lab))
    work = Work(request="r1", course="cs101", lab="lab", checks=checks, submission=program)
    observer, queue = start_observer(store, courses, "o1", 1), ObservationQueue(store.database)
    queue.settled([work])
    [settled] = wait_until(lambda: all(found := queue.settled([work])) and found, 60)
    observer.stop()
    store.close()
    assert settled and settled.observations and settled.observations.checks == checks
    assert [each.outcome.value for each in settled.observations.tests] == ["failed", "passed"]


def test_lab_that_is_missing_or_has_other_checks_is_not_observed(lab: Path) -> None:
    ready = ReadyObservers(OneCourse("cs101", LabRegistry(), lab.parent))
    program = Submission(student="p", folder="p", files=(SourceFile(path="main.py", text=""),))
    work = Work(request="r1", course="cs101", lab="lab", checks="0" * 64, submission=program)
    with raises_code("checks-changed"):
        ready(work)
    with raises_code("job-lab-missing"):
        ready(work.model_copy(update={"lab": "other"}))
