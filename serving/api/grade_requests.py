"""What the engine says of a submission, or the problem that says why it says nothing now. Knows no route."""

import asyncio

from labs_schema.errors import OverlongError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.api.middleware.access_log import log_failure
from serving.api.middleware.body_limit import too_large
from serving.api.schemas.problems import ProblemError, busy
from serving.api.service import Service
from serving.courses.errors import CourseRefusedError, UnknownCourseError
from serving.scheduler.engine_queue import ClosedError, QueueFullError, QueueSlot


async def grade_through_queue(
    service: Service, lab: Lab, submission: Submission, reasoning: bool, seconds: float, slot: QueueSlot | None = None
) -> Grade:
    """The engine's grade, the 413 of a program with too many tokens, or the 503 that says why there is none now.
    `slot`: a reserved queue slot."""
    engine = service.engine
    try:
        async with asyncio.timeout(seconds):
            course = service.course
            prepared = await service.preparing.prepare(lab, submission, course)
            queued = engine.submit(lab, submission, course=course, slot=slot, prepared=prepared, reasoning=reasoning)
            return await asyncio.wrap_future(queued)
    except OverlongError as error:
        raise too_many_tokens(error) from None
    except QueueFullError as error:
        raise queue_full(error.retry_after) from None
    except ClosedError:
        raise busy("shutting-down", "The service is shutting down.", 5) from None
    except TimeoutError:
        raise too_slow(seconds, engine.retry_after) from None
    except UnknownCourseError:
        raise ProblemError(403, "other-course", "The course is not served here any more.") from None
    except CourseRefusedError as error:
        raise busy("model-refused", f"The course's model cannot be used: {error.reason}.", 30) from error
    except Exception as error:
        log_failure(error)
        raise busy("engine-down", "The engine failed on this request.", 5) from error


def too_many_tokens(error: OverlongError) -> ProblemError:
    return too_large("submission.files", f"at least {error.needed} tokens", error.available, "tokens")


def too_slow(seconds: float, retry_after: int) -> ProblemError:
    return busy("too-slow", f"There was no grade within {seconds:g} s; come again when less is waiting.", retry_after)


def queue_full(retry_after: int) -> ProblemError:
    return busy("queue-full", "As many submissions wait as may; come again later.", retry_after)
