"""Whether the service is alive, and whether it can grade."""

import asyncio
from dataclasses import replace

from fastapi import APIRouter

from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from serving.api.authorization import public
from serving.api.grade_requests import grade_through_queue
from serving.api.schemas.examples import answered, problems
from serving.api.schemas.grades import Health
from serving.api.schemas.problems import ProblemError, busy
from serving.api.service import Served, Service
from serving.observability.readiness import readiness, worker_faults

PROBE_SECONDS = 10.0

router = APIRouter(dependencies=[public])


@router.get("/healthz", summary="Is the process alive?", responses=answered({"status": "alive"}))
async def health() -> Health:
    return Health(status="alive")


@router.get("/readyz", summary="Has the model answered?", responses={**answered({"status": "ready"}), **problems(503)})
async def ready(service: Served) -> Health:
    """200 once the model has scored a program, and as long as its last call did not fail; then it is asked again. The
    store must take writes, its disk have room, and jobs that are under way have a worker of their course.
    """
    if not service.engine.healthy:
        await _asked(service)
    if not service.engine.healthy:
        raise busy("not-ready", "The model is loaded and has scored nothing yet.", 1)
    try:
        wrong = await asyncio.wait_for(asyncio.to_thread(_wrong, service), PROBE_SECONDS)
    except TimeoutError:
        wrong = [f"The store did not answer within {PROBE_SECONDS:g} s."]
    if wrong:
        raise busy("not-ready", " ".join(wrong), 5)
    return Health(status="ready")


async def _asked(service: Service) -> None:
    """Has the models that said nothing yet score something; where none is loaded, those of the courses there are.

    Raises the 503 of a model that is loaded and does not answer, or of the last where none could be loaded.
    """
    (lab, submission), failed = probe(), None
    for course in service.engine.unhealthy_courses or await asyncio.to_thread(service.courses.names):
        try:
            await grade_through_queue(
                replace(service, course=course), lab, submission, False, min(PROBE_SECONDS, service.seconds)
            )
        except ProblemError as error:
            failed = error if error.status_code == 503 else failed
    if failed and not service.engine.healthy:
        raise failed


def _wrong(service: Service) -> list[str]:
    database = service.store.database
    return readiness(database, database.folder) or worker_faults(database, service.book, service.courses.names())


def probe() -> tuple[Lab, Submission]:
    """The smallest thing that can be graded."""
    works = Criterion(title="Does it work?", ratings=(Rating(title="A"), Rating(title="B")))
    lab = Lab(
        name="", problem="Do nothing.", short_problem="Do nothing.", language="C", criteria=(works,), submissions=()
    )
    return lab, Submission(student="", folder="", files=(SourceFile(path="a.c", text="int main(){}\n"),))
