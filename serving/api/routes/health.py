"""Liveness and readiness of the service."""

import asyncio

from labs_schema.limits import ServiceLimits
from labs_schema.models import Criterion, Lab, Rating
from serving.api.authorization import api_router, public
from serving.api.grade_requests import grade_through_queue
from serving.api.schemas.examples import problems, success
from serving.api.schemas.grades import Health
from serving.api.schemas.problems import ProblemError
from serving.api.service import CourseService, Service
from serving.courses.served import ServedCourse
from serving.grading.retries import PROBE
from serving.observability.readiness import readiness, worker_faults

PROBE_SECONDS = ServiceLimits().probe_seconds
_CRITERIA = tuple(
    Criterion(
        title=f"Does it work, of {count} ratings?", ratings=tuple(Rating(title=letter) for letter in "ABCDE"[:count])
    )
    for count in (2, 3, 4, 5)
)
"""A head answers only criteria with as many ratings as one that it was fitted on."""
PROBE_LAB = Lab(
    name="", problem="Do nothing.", short_problem="Do nothing.", language="C", criteria=_CRITERIA, submissions=()
)

router = api_router(public, "health")


@router.get(
    "/healthz",
    summary="Check that the process is alive",
    responses={
        **success("The process answers.", {"status": "alive"}),
        **problems("loopback-only", "service-unavailable"),
    },
)
async def get_liveness() -> Health:
    return Health(status="alive")


@router.get(
    "/readyz",
    summary="Check that submissions can be graded",
    responses={
        **success("The service accepts work.", {"status": "ready"}),
        **problems(
            "loopback-only",
            "not-ready",
            "engine-failed",
            "model-rejected",
            "grading-timeout",
            "queue-full",
            "shutting-down",
            "service-unavailable",
        ),
    },
)
async def get_readiness(service: CourseService) -> Health:
    """200 if every loaded model has scored a program and its last call succeeded.

    A model whose last call failed is called now. The store must also be writable, its disk must have free space, and
    running jobs must have a worker.
    """
    if not service.engine.healthy:
        await _probe_models(service)
    if not service.engine.healthy:
        raise ProblemError("not-ready", "The model is loaded but has not scored anything yet.", retry_after=1)
    try:
        faults = await asyncio.wait_for(asyncio.to_thread(_store_and_worker_faults, service), PROBE_SECONDS)
    except TimeoutError:
        faults = [f"The store did not answer within {PROBE_SECONDS:g} s."]
    if faults:
        raise ProblemError("not-ready", " ".join(faults), retry_after=5)
    return Health(status="ready")


async def _probe_models(service: Service) -> None:
    """Grades a tiny program with each loaded model that is unhealthy; if none is loaded, with each course's model.

    Raises the last 503 if no model is healthy afterwards.
    """
    failure, seconds = None, min(PROBE_SECONDS, service.options.timeout_seconds)
    for name in service.engine.unhealthy_courses or await asyncio.to_thread(service.courses.names):
        try:
            await grade_through_queue(service.for_course(ServedCourse(name)), PROBE_LAB, PROBE, timeout_seconds=seconds)
        except ProblemError as error:
            failure = error if error.status_code == 503 else failure
    if failure and not service.engine.healthy:
        raise failure


def _store_and_worker_faults(service: Service) -> list[str]:
    database = service.store.database
    return readiness(database, database.folder) or worker_faults(database, service.jobs, service.courses.names())
