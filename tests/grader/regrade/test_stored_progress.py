"""Errors that end a regrade early report the stored progress; errors of usage do not."""

import pytest

from grader.regrade.regrade import StoredProgress
from labs_schema.errors import GraderError, ModelError
from serving.engines.engine import EngineDownError
from serving.jobs.errors import OtherModelError
from serving.store.errors import StoreError

SUFFIX = "1,016 of 2,017 submissions are graded and stored. Rerun the command to resume."


@pytest.mark.parametrize("kind", [EngineDownError, ModelError, OtherModelError, StoreError])
def test_an_outage_reports_the_stored_progress(kind: type[GraderError]) -> None:
    with pytest.raises(GraderError) as raised, StoredProgress(1016, 2017).in_errors():
        raise kind("No engine answers.")
    assert str(raised.value) == f"No engine answers.\n{SUFFIX}"
    assert raised.value.code == kind.code
    with pytest.raises(kind, match=r"^No engine answers\.$"), StoredProgress(0, 2017).in_errors():
        raise kind("No engine answers.")


def test_an_interrupt_reports_the_stored_progress() -> None:
    progress = StoredProgress(0, 2017)
    with pytest.raises(GraderError) as raised, progress.in_errors():
        progress.done = 1016
        raise KeyboardInterrupt
    assert str(raised.value) == f"Stopped. {SUFFIX}"


def test_permanent_error_does_not_suggest_a_rerun() -> None:
    with pytest.raises(GraderError, match=r"^The regrade was cancelled\.$"), StoredProgress(1016, 2017).in_errors():
        raise GraderError("The regrade was cancelled.")
