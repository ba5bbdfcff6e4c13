"""The sliding-window rate limiter: windows, waiting times, and forgetting of idle callers."""

import pytest

from serving.api.rate_limits import FEW_CALLERS, RateLimiter
from tests.harness.errors import raises_code


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("rate", "window"), [("3/second", 1), ("3/minute", 60), ("3/hour", 3600), ("3/day", 86_400)])
def test_the_window_slides(rate: str, window: int) -> None:
    clock = Clock()
    limiter = RateLimiter(rate, clock)
    for moment in (0.0, 0.5, 0.75):
        clock.now = 1000 + moment * window
        assert limiter.wait_seconds("a") == 0
    assert limiter.wait_seconds("a") == max(1, window / 4)
    assert limiter.wait_seconds("b") == 0
    clock.now = 1000 + window
    assert [limiter.wait_seconds("a") for _ in range(2)] == [0, max(1, window / 2)]


def test_a_refused_caller_is_allowed_after_the_reported_wait() -> None:
    clock = Clock()
    limiter = RateLimiter("1/minute", clock)
    limiter.wait_seconds("a")
    clock.now += 12.3
    for _ in range(5):
        wait = limiter.wait_seconds("a")
    clock.now += wait
    assert limiter.wait_seconds("a") == 0


def test_idle_callers_are_forgotten_and_active_ones_are_not() -> None:
    clock = Clock()
    limiter = RateLimiter("1/second", clock)
    for number in range(20 * FEW_CALLERS):
        clock.now += 0.01
        assert limiter.wait_seconds(f"address {number}") == 0
    assert len(limiter._calls) <= FEW_CALLERS
    assert all(limiter.wait_seconds(f"address {20 * FEW_CALLERS - back}") == 1 for back in range(1, 90))


def test_all_callers_within_a_window_are_remembered() -> None:
    limiter = RateLimiter("1/minute", Clock())
    names = [f"address {number}" for number in range(3 * FEW_CALLERS)]
    assert {limiter.wait_seconds(name) for name in names} == {0}
    assert {limiter.wait_seconds(name) for name in names} == {60}


@pytest.mark.parametrize("rate", ["often", "0/second", "-1/second", "5/fortnight", "5", "5/second ", ""])
def test_an_invalid_rate_is_an_error(rate: str) -> None:
    with raises_code("bad-rate"):
        RateLimiter(rate)
