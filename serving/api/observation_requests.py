"""Waits until an observer has run the checks of a submission's lab, for at most a documented time."""

import asyncio
import time

from starlette.concurrency import run_in_threadpool

from labs_schema.limits import ObserverLimits
from labs_schema.models import Submission
from serving.api.service import Service
from serving.observer.queue import TOO_LATE, ObservationQueue, Work

LIMITS = ObserverLimits()


async def observe_through_queue(service: Service, lab: str, submission: Submission, request_id: str) -> Submission:
    """`submission` with the outcomes of the lab's checks, or with the reason why there are none.

    Unchanged if the request had outcomes, or if the lab has no checks. Ends at once without a live observer, and after
    `ObserverLimits.wait_seconds`, or half of the time for a grade if that is less.
    """
    checks = await run_in_threadpool(service.course.labs.checks, lab) if submission.observations is None else None
    if checks is None:
        return submission
    work = Work(request=request_id, course=service.course.name, lab=lab, checks=checks, submission=submission)
    queue = ObservationQueue(service.store.database)
    end = time.monotonic() + min(LIMITS.wait_seconds, service.options.timeout_seconds / 2)
    while True:
        [settled] = await run_in_threadpool(queue.settled, [work])
        if settled is None and time.monotonic() > end:
            settled = await run_in_threadpool(queue.give_up, work, TOO_LATE)
        if settled is not None:
            return settled.applied_to(submission)
        await asyncio.sleep(LIMITS.poll_seconds)
