"""How often a key may call: a moving window in this process's memory. Knows no HTTP."""

import math
import time
from collections.abc import Callable

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from labs_schema.errors import GraderError


class Rate:
    """`most` is such as `50/second` or `1000/minute`. Raises GraderError for anything else."""

    def __init__(self, most: str, now: Callable[[], float] = time.time) -> None:
        try:
            self._most = parse(most)
        except ValueError:
            raise GraderError(f"The rate {most!r} cannot be read. Give one such as 50/second or 1000/minute.") from None
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._now = now

    def wait(self, who: str) -> int:
        """0 where `who` may call now, which is counted; else the seconds until there is room again."""
        if self._window.hit(self._most, who):
            return 0
        free_at = self._window.get_window_stats(self._most, who).reset_time
        return max(1, math.ceil(free_at - self._now()))
