"""Workers that are killed again and again, over both databases; `make chaos` does it for longer."""

from collections.abc import Callable

import pytest

from benchmarks.durability.chaos import run


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, *(pytest.param(n, marks=pytest.mark.nightly) for n in (0, 1))])
def test_kills_lose_duplicate_and_change_no_grade(workers: int, new_url: Callable[[], str]) -> None:
    found = run(new_url(), submissions=64, kills=5, count=workers, seed=0, pace=0.15)
    assert found["kills"] == (5 if workers else 1) and found["state"] == "done" and found["ok"], found
    assert found["lost"] == found["duplicated"] == found["changed"] == found["parked"] == 0
