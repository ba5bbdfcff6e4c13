"""How many streams of events, and results of jobs, may be on their way, of one caller and in all: a stream looks into
the store twice a second, results are held in memory whole until they are read. Knows no job.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Callable
from contextlib import suppress

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.api.schemas.problems import ProblemError, busy

STREAMS, STREAMS_OF_ONE = 64, 8
RESULTS, RESULTS_OF_ONE = 8, 4
STREAM_SECONDS = 600.0
"""After which a stream ends, and a client asks again."""
RETRY_SECONDS = 10


class OpenStreams:
    """Counts by caller; used on the event loop alone."""

    def __init__(self, most: int = STREAMS, most_of_one: int = STREAMS_OF_ONE, what: str = "streams of events") -> None:
        self._most, self._most_of_one, self._what = most, most_of_one, what
        self._open: Counter[str] = Counter()

    def open(self, who: str) -> Callable[[], None]:
        """Counts one more; what gives it back. Raises the 429 of a caller who has enough, the 503 of all who have."""
        if self._open[who] >= self._most_of_one:
            detail = f"{self._most_of_one} {self._what} are open with this key; close one."
            raise ProblemError(429, "too-many-streams", detail, headers={"Retry-After": str(RETRY_SECONDS)})
        if self._open.total() >= self._most:
            raise busy("streams-full", f"As many {self._what} are open as may; come again later.", RETRY_SECONDS)
        self._open[who] += 1
        return lambda: self._close(who)

    def _close(self, who: str) -> None:
        self._open[who] -= 1
        self._open += Counter()  # without those who have none


class EventStream(StreamingResponse):
    """Server-sent events; `ended` is called when it is over, whether or not it ever began. A client that does not read
    is left after `seconds` too."""

    def __init__(self, events: AsyncIterable[str], ended: Callable[[], None], seconds: float = STREAM_SECONDS) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._ended, self._seconds = ended, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await super().__call__(scope, receive, send)
        finally:
            self._ended()
