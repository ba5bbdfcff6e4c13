"""A job's progress as server-sent events (WHATWG HTML, section 9.2). Knows no database and no route."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool

from serving.api.schemas.jobs import JobOut
from serving.api.stream_limits import STREAM_SECONDS
from serving.jobs.job import State

LOOK_SECONDS, HEARTBEAT_SECONDS = 0.5, 15.0
ENDED = (State.DONE, State.FAILED, State.CANCELLED)


async def job_events(
    look: Callable[[], JobOut | None],
    stopping: threading.Event,
    look_seconds: float = LOOK_SECONDS,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    most_seconds: float = STREAM_SECONDS - 2 * LOOK_SECONDS,
) -> AsyncIterator[str]:
    """An event whenever `look` says something new, a comment after `heartbeat_seconds` of silence, until the job ends
    or the service stops, `most_seconds` are over, or `look` says None: who asks may not know any more. A client whose
    stream ended early asks again."""
    told, silent, late = None, 0.0, time.monotonic() + most_seconds
    while True:
        found = await run_in_threadpool(look)
        if found is None:
            return
        if found != told:
            told, silent = found, 0.0
            yield f"event: progress\ndata: {found.model_dump_json()}\n\n"
        if found.state in ENDED or stopping.is_set() or time.monotonic() >= late:
            return
        if silent >= heartbeat_seconds:
            silent = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(look_seconds)
        silent += look_seconds
