"""Each caller may call so often in any window; who has gone leaves nothing behind."""

import pytest

from labs_schema.errors import GraderError
from serving.api.rate_limits import FEW, Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("most", "window"), [("3/second", 1), ("3/minute", 60), ("3/hour", 3600), ("3/day", 86_400)])
def test_a_window_moves(most: str, window: int) -> None:
    clock = Clock()
    rate = Rate(most, clock)
    for moment in (0.0, 0.5, 0.75):
        clock.now = 1000 + moment * window
        assert rate.wait("a") == 0
    assert rate.wait("a") == max(1, window / 4)
    assert rate.wait("b") == 0
    clock.now = 1000 + window
    assert [rate.wait("a") for _ in range(2)] == [0, max(1, window / 2)]


def test_who_was_refused_may_call_as_soon_as_was_said() -> None:
    clock = Clock()
    rate = Rate("1/minute", clock)
    rate.wait("a")
    clock.now += 12.3
    for _ in range(5):
        said = rate.wait("a")
    clock.now += said
    assert rate.wait("a") == 0


def test_a_flood_of_callers_is_forgotten_and_those_who_still_count_are_not() -> None:
    clock = Clock()
    rate = Rate("1/second", clock)
    for number in range(20 * FEW):
        clock.now += 0.01
        assert rate.wait(f"address {number}") == 0
    assert len(rate._calls) <= FEW
    assert all(rate.wait(f"address {20 * FEW - back}") == 1 for back in range(1, 90))


def test_all_who_call_within_a_window_are_known_however_many_they_are() -> None:
    rate = Rate("1/minute", Clock())
    names = [f"address {number}" for number in range(3 * FEW)]
    assert {rate.wait(name) for name in names} == {0}
    assert {rate.wait(name) for name in names} == {60}


@pytest.mark.parametrize("most", ["often", "0/second", "-1/second", "5/fortnight", "5", "5/second ", ""])
def test_a_rate_that_cannot_be_read_is_told(most: str) -> None:
    with pytest.raises(GraderError, match="such as 50/second"):
        Rate(most)
