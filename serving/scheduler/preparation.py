"""Prepares submissions (tokens, redaction, injection detection) on threads other than the engine's."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from labs_schema.limits import QueueLimits
from labs_schema.models import Lab, Submission
from serving.scheduler.graders import PreparedSubmission

T = TypeVar("T")
SHORT_CHARS = QueueLimits().short_program_chars


class PreparationPool:
    """Runs `prepare` on one of two threads, so that short programs never wait for long ones."""

    def __init__(self, prepare: Callable[[Lab, Submission, str], PreparedSubmission | None]) -> None:
        self._prepare = prepare
        self._short = ThreadPoolExecutor(1, "prepare-short")
        self._long = ThreadPoolExecutor(1, "prepare-long")

    async def prepare(self, lab: Lab, submission: Submission, course: str = "") -> PreparedSubmission | None:
        """Raises what `prepare` raises."""
        return await self.run(submission, lambda: self._prepare(lab, submission, course))

    async def run(self, submission: Submission, function: Callable[[], T]) -> T:
        """Calls `function` on the thread for programs of this length. Does nothing if cancelled while waiting."""
        short = sum(len(file.text) for file in submission.files) <= SHORT_CHARS
        pool = self._short if short else self._long
        return await asyncio.get_running_loop().run_in_executor(pool, function)

    def close(self) -> None:
        for pool in (self._short, self._long):
            pool.shutdown(cancel_futures=True)
