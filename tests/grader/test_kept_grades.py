"""A command that ends early says how much is kept, whatever ended it; a mistake in the command does not."""

import pytest

from grader.regrade.stored_grades import KeptGrades
from labs_schema.errors import GraderError, ModelError
from serving.engines.engine import EngineDownError
from serving.jobs.errors import OtherModelError
from serving.store.errors import StoreError

TOLD = "1,016 of 2,017 submissions are graded and kept in the store. The same command goes on from there."


@pytest.mark.parametrize("kind", [EngineDownError, ModelError, OtherModelError, StoreError])
def test_what_ends_the_grading_is_told_with_what_is_kept(kind: type[GraderError]) -> None:
    with pytest.raises(GraderError) as told, KeptGrades(1016, 2017).told():
        raise kind("No engine answers.")
    assert str(told.value) == f"No engine answers.\n{TOLD}"
    with pytest.raises(kind, match=r"^No engine answers\.$"), KeptGrades(0, 2017).told():
        raise kind("No engine answers.")


def test_a_stop_says_how_far_it_came() -> None:
    kept = KeptGrades(0, 2017)
    with pytest.raises(GraderError) as told, kept.told():
        kept.done = 1016
        raise KeyboardInterrupt
    assert str(told.value) == f"Stopped. {TOLD}"


def test_what_the_same_command_would_meet_again_is_not_said_to_go_on() -> None:
    with pytest.raises(GraderError, match=r"^The regrade was cancelled\.$"), KeptGrades(1016, 2017).told():
        raise GraderError("The regrade was cancelled.")
