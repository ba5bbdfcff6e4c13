"""The two clients, and what the operations do not offer: waiting for the end of a job."""

import asyncio
import time
from typing import Self

from grader.client.models import JobStatus
from grader.client.operations import Operations
from grader.client.transport import AsyncTransport, SyncTransport
from labs_schema.limits import ClientLimits

POLL_SECONDS = ClientLimits().poll_seconds
ENDED = ("done", "failed", "cancelled")


class Client(Operations, SyncTransport):
    """A client of the service at `url`, for one thread.

    Requests that can be repeated safely are repeated if the service is unreachable, overloaded or restarting. Every
    method raises ApiError for a refusal, with its `code` and `hint`, and ServiceUnreachableError.

        with Client("https://grader.example.edu", key="grader_...") as client:
            grade = client.grade_submission(LabGradeRequest(lab="square", submission=submission, student="s123"))
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_for_job(self, job_id: str, poll_seconds: float = POLL_SECONDS) -> JobStatus:
        """The job once it is done, failed or cancelled."""
        while (job := self.get_job(job_id)).state not in ENDED:
            time.sleep(poll_seconds)
        return job


class AsyncClient(Operations, AsyncTransport):
    """Like `Client`, for asyncio; close it with `aclose` or use `async with`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def wait_for_job(self, job_id: str, poll_seconds: float = POLL_SECONDS) -> JobStatus:
        """The job once it is done, failed or cancelled."""
        while (job := await self.get_job(job_id)).state not in ENDED:
            await asyncio.sleep(poll_seconds)
        return job
