"""Grades one submission through the engine's queue, or maps the failure to a problem response."""

import asyncio

from labs_schema.errors import OverlongError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.api.middleware.access_log import log_failure
from serving.api.schemas.problems import ProblemError, too_large
from serving.api.service import Service
from serving.courses.errors import CourseRefusedError, UnknownCourseError
from serving.scheduler.engine_queue import ClosedError, QueueFullError, QueueSlot


async def grade_through_queue(
    service: Service,
    lab: Lab,
    submission: Submission,
    *,
    reasoning: bool = False,
    timeout_seconds: float,
    slot: QueueSlot | None = None,
) -> Grade:
    """Waits for the grade by the model of the service's course. `slot`: a reserved queue slot.

    Raises ProblemError: 413 for a program with too many tokens, 503 if it cannot be graded now.
    """
    engine, course = service.engine, service.course.name
    try:
        async with asyncio.timeout(timeout_seconds):
            prepared = await service.preparation.prepare(lab, submission, course)
            queued = engine.submit(lab, submission, course=course, slot=slot, prepared=prepared, reasoning=reasoning)
            return await asyncio.wrap_future(queued)
    except OverlongError as error:
        raise too_many_tokens(error) from None
    except QueueFullError as error:
        raise queue_full(error.retry_after) from None
    except ClosedError:
        raise ProblemError("shutting-down", "The service is shutting down.", retry_after=5) from None
    except TimeoutError:
        raise timed_out(timeout_seconds, engine.queue.retry_after) from None
    except UnknownCourseError:
        raise ProblemError("wrong-course", "The course is no longer served.") from None
    except CourseRefusedError as error:
        detail = f"The course's model cannot be used: {error.reason}."
        raise ProblemError("model-rejected", detail, retry_after=30) from error
    except Exception as error:
        log_failure(error)
        raise ProblemError("engine-failed", "The engine failed on this submission.", retry_after=5) from error


def too_many_tokens(error: OverlongError) -> ProblemError:
    return too_large("submission.files", f"at least {error.needed} tokens", error.available, "tokens")


def timed_out(seconds: float, retry_after: int) -> ProblemError:
    return ProblemError("grading-timeout", f"There was no grade within {seconds:g} s.", retry_after=retry_after)


def queue_full(retry_after: int) -> ProblemError:
    return ProblemError("queue-full", "The grading queue is full.", retry_after=retry_after)
