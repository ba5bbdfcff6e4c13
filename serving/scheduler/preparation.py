"""What is done with a submission before it waits for the engine, on threads of its own: the engine's thread would stand
still meanwhile, and the event loop too. Knows no HTTP and no model.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from labs_schema.models import Lab, Submission
from serving.scheduler.graders import PreparedSubmission

Done = TypeVar("Done")
SHORT = 50_000
"""Characters of a program that is prepared within a tenth of a second."""


class Preparing:
    """Calls `prepare` in one of two threads: short programs never stand behind long ones."""

    def __init__(self, prepare: Callable[[Lab, Submission, str], PreparedSubmission | None]) -> None:
        self._prepare = prepare
        self._short = ThreadPoolExecutor(1, "prepare-short")
        self._long = ThreadPoolExecutor(1, "prepare-long")

    async def sheet(self, lab: Lab, submission: Submission, course: str = "") -> PreparedSubmission | None:
        """Raises what `prepare` raises."""
        return await self.beside(submission, lambda: self._prepare(lab, submission, course))

    async def beside(self, submission: Submission, work: Callable[[], Done]) -> Done:
        """`work` on `submission`, in its line. Cancelled while it stands there, nothing is done."""
        short = sum(len(file.text) for file in submission.files) <= SHORT
        lane = self._short if short else self._long
        return await asyncio.get_running_loop().run_in_executor(lane, work)

    def close(self) -> None:
        for lane in (self._short, self._long):
            lane.shutdown(cancel_futures=True)
