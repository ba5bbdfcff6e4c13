"""An engine whose calls are timed. Knows nothing of what is asked."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from serving.engines.engine import Engine, EngineFailure, LabelScores, ScoreRequest


class TimedEngine:
    """Passes all on to `inner`. `seconds`: how long its calls took, all together."""

    def __init__(self, inner: Engine) -> None:
        self.inner, self.name, self.version = inner, inner.name, inner.version
        self.context_length = inner.context_length
        self.seconds = 0.0
        self._counts: tuple[int, int] | None = None

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        with self._timed():
            return self.inner.score(requests)

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        with self._timed():
            return self.inner.write(prompts, max_tokens, stop, form)

    def cache_counts(self) -> tuple[int, int]:
        """Prompt tokens looked up in the engine's prefix cache and found there; none of an engine without one."""
        if self._counts is not None:
            return self._counts
        counts: tuple[int, int] = getattr(self.inner, "cache_counts", lambda: (0, 0))()
        return counts

    def close(self) -> None:
        """What it found in its cache still counts afterwards, unless another that shares its base goes on counting."""
        self._counts = (0, 0) if getattr(self.inner, "shared", False) else self.cache_counts()
        self.inner.close()

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - started
