"""How often a key may call: a moving window in this process's memory. Knows no HTTP.

Not the package limits: its window in memory never forgets a caller and starts timer threads (limits 5, MemoryStorage).
"""

import math
import re
import time
from bisect import bisect_right
from collections.abc import Callable

from labs_schema.errors import GraderError

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
FEW = 1000
"""Callers of whom one more is no reason to look who has long gone."""


class Rate:
    """`most` is such as `50/second` or `1000/minute`. Raises GraderError for anything else. Who has not called within
    the window is forgotten. For one thread."""

    def __init__(self, most: str, now: Callable[[], float] = time.monotonic) -> None:
        read = re.fullmatch(r"([1-9]\d{0,8})/(second|minute|hour|day)", most)
        if read is None:
            raise GraderError(f"The rate {most!r} cannot be read. Give one such as 50/second or 1000/minute.")
        self._most, self._window, self._now = int(read[1]), SECONDS[read[2]], now
        self._calls: dict[str, list[float]] = {}
        self._many = FEW

    def wait(self, who: str) -> int:
        """0 where `who` may call now, which is counted; else the seconds until there is room again."""
        now = self._now()
        if who not in self._calls and len(self._calls) >= self._many:
            self._forget(now)
        calls = self._calls.setdefault(who, [])
        del calls[: bisect_right(calls, now - self._window)]
        if len(calls) < self._most:
            calls.append(now)
            return 0
        return max(1, math.ceil(calls[0] + self._window - now))

    def _forget(self, now: float) -> None:
        """Looks through all only once they have doubled, so that a call costs little however many there are."""
        self._calls = {who: calls for who, calls in self._calls.items() if calls[-1] > now - self._window}
        self._many = max(FEW, 2 * len(self._calls))
