"""Times the calls of engines and sums their prefix cache counts."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from serving.engines.engine import Engine, EngineFailure, LabelScores, ScoreRequest


class EngineTimes:
    """Totals over all engines of a service. `seconds`: duration of all calls.

    Keeps the counts of closed engines, but no reference to them: a model pool opens and closes thousands.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._open: list[TimedEngine] = []
        self._looked_up = self._found = 0
        self._lock = Lock()

    def timed(self, engine: Engine) -> "TimedEngine":
        timed = TimedEngine(engine, self)
        with self._lock:
            self._open.append(timed)
        return timed

    def cache_counts(self) -> tuple[int, int]:
        """Prompt tokens looked up in the prefix caches, and found there. Thread-safe."""
        with self._lock:
            counts = [(self._looked_up, self._found), *(engine.cache_counts() for engine in self._open)]
        return sum(looked_up for looked_up, _ in counts), sum(found for _, found in counts)

    def remove(self, engine: "TimedEngine") -> None:
        """Called when `engine` closes. Engines that share a base share its counts: these are still read elsewhere."""
        with self._lock:
            if engine in self._open:
                self._open.remove(engine)
                if not getattr(engine.inner, "shared", False):
                    looked_up, found = engine.cache_counts()
                    self._looked_up, self._found = self._looked_up + looked_up, self._found + found


class TimedEngine:
    """Delegates to `inner`."""

    def __init__(self, inner: Engine, times: EngineTimes) -> None:
        self.inner, self.name, self.version = inner, inner.name, inner.version
        self.context_length = inner.context_length
        self._times = times

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        with self._timed():
            return self.inner.score(requests)

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        with self._timed():
            return self.inner.write(prompts, max_tokens, stop, form)

    def cache_counts(self) -> tuple[int, int]:
        """(0, 0) for an engine without a prefix cache."""
        counts: tuple[int, int] = getattr(self.inner, "cache_counts", lambda: (0, 0))()
        return counts

    def close(self) -> None:
        self._times.remove(self)
        self.inner.close()

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._times.seconds += time.monotonic() - started
