"""Rate limits per caller: a sliding window in this process's memory.

The package `limits` is not used: its in-memory window never forgets a caller and starts timer threads (limits 5,
MemoryStorage).
"""

import math
import re
import time
from bisect import bisect_right
from collections.abc import Callable

from labs_schema.errors import GraderError
from labs_schema.limits import ServiceLimits

UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
FEW_CALLERS = ServiceLimits().rate_limit_callers


class RateLimiter:
    """`rate` is such as `50/second` or `1000/minute`; raises GraderError for anything else.

    A caller without a call in the window is forgotten. Not thread-safe: used on the event loop only.
    """

    def __init__(self, rate: str, clock: Callable[[], float] = time.monotonic) -> None:
        parsed = re.fullmatch(r"([1-9]\d{0,8})/(second|minute|hour|day)", rate)
        if parsed is None:
            raise GraderError(f"Invalid rate {rate!r}. Use a rate such as 50/second or 1000/minute.", code="bad-rate")
        self._limit, self._window, self._clock = int(parsed[1]), UNIT_SECONDS[parsed[2]], clock
        self._calls: dict[str, list[float]] = {}
        self._cleanup_size = FEW_CALLERS

    def wait_seconds(self, caller: str) -> int:
        """0 if `caller` may call now, which is counted; else the seconds until the next call is allowed."""
        now = self._clock()
        if caller not in self._calls and len(self._calls) >= self._cleanup_size:
            self._forget_idle(now)
        calls = self._calls.setdefault(caller, [])
        del calls[: bisect_right(calls, now - self._window)]
        if len(calls) < self._limit:
            calls.append(now)
            return 0
        return max(1, math.ceil(calls[0] + self._window - now))

    def _forget_idle(self, now: float) -> None:
        """Runs only when the number of callers has doubled, so that its cost per call is constant."""
        self._calls = {caller: calls for caller, calls in self._calls.items() if calls[-1] > now - self._window}
        self._cleanup_size = max(FEW_CALLERS, 2 * len(self._calls))
