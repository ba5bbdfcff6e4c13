"""Regrading whole labs: begin a job, look how far it is, pause, resume, cancel it. For TAs."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from labs_schema.errors import InputError
from labs_schema.reading.validate import load_lab
from serving.api.authorization import Caller, Ta, still_entitled, ta
from serving.api.idempotency import IdempotencyKey, once
from serving.api.routes.job_events import job_events
from serving.api.routes.labs import known_lab
from serving.api.schemas.examples import JOB, JOB_EVENTS, KEYED, answered, problems
from serving.api.schemas.jobs import JobList, JobOut, job_out
from serving.api.schemas.problems import ProblemError
from serving.api.schemas.requests import ID
from serving.api.service import Served, Service
from serving.api.stream_limits import EventStream
from serving.jobs.job import Job, RequestedState
from serving.store.errors import UnknownError

router = APIRouter(dependencies=[ta])

JobId = Annotated[str, Path(max_length=64, pattern=ID, examples=[JOB["id"]])]
MANY = 50
EVENT = {
    "type": "object",
    "properties": {"event": {"const": "progress"}, "data": {"type": "string", "contentMediaType": "application/json"}},
    "required": ["event", "data"],
}


def _links(*operations: str) -> dict[str, Any]:
    """What can be done next with the job that an answer names, for clients that read OpenAPI."""
    return {name: {"operationId": name, "parameters": {"job_id": "$response.body#/id"}} for name in operations}


@router.post(
    "/labs/{lab}/regrade",
    summary="Regrade a lab",
    status_code=202,
    response_model=JobOut,
    responses={
        202: {
            **answered(JOB, 202)[202],
            "headers": {"Location": {"description": "Where the job is.", "schema": {"type": "string"}}},
            "links": _links("job", "pause", "resume", "cancel", "job_grades", "job_comparison"),
        },
        **problems(404, 409, *KEYED),
    },
)
async def regrade(
    lab: Annotated[str, Path(examples=["square"])],
    request: Request,
    service: Served,
    caller: Ta,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Begins a job that grades every submission of the lab anew. It outlives the service; see docs/guide/jobs.md."""
    known_lab(service.labs, lab)

    async def begin(name: str) -> JobOut:
        return await run_in_threadpool(_begin, service, lab, caller, name)

    begun = await once(service, caller, request, idempotency_key, begin, status=202)
    begun.headers["Location"] = f"/jobs/{JobOut.model_validate_json(bytes(begun.body)).id}"
    return begun


@router.get(
    "/jobs",
    summary="The jobs of the course",
    responses={**answered({"jobs": [JOB]}), **problems(*KEYED)},
)
async def jobs(service: Served, most: Annotated[int, Query(ge=1, le=500)] = MANY) -> JobList:
    def listed() -> JobList:
        found = service.book.all(service.course)[:most]
        return JobList(jobs=tuple(_told(service, job) for job in found))

    return await run_in_threadpool(listed)


@router.get(
    "/jobs/{job_id}",
    operation_id="job",
    summary="How far a job is",
    responses={**answered(JOB), **problems(404, *KEYED)},
)
async def job(job_id: JobId, service: Served) -> JobOut:
    return await run_in_threadpool(lambda: _told(service, own_job(service, job_id)))


@router.get(
    "/jobs/{job_id}/events",
    summary="How far a job is, as it goes on",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `progress` with the job as JSON, whenever it changes, until it ends.",
            "content": {"text/event-stream": {"schema": EVENT, "example": JOB_EVENTS}},
        },
        **problems(404, *KEYED),
    },
)
async def events(job_id: JobId, request: Request, service: Served, caller: Ta) -> StreamingResponse:
    """Ends after 10 minutes at the latest; ask again then. Ends at once where the key is revoked."""
    await run_in_threadpool(own_job, service, job_id)
    ended = service.streams.open(caller.actor)

    def look() -> JobOut | None:
        return _told(service, own_job(service, job_id)) if still_entitled(service, request) else None

    return EventStream(job_events(look, service.stopping), ended)


CHANGED: dict[str, Any] = {"responses": {**answered(JOB), **problems(404, *KEYED)}, "response_model": JobOut}


@router.post("/jobs/{job_id}/pause", operation_id="pause", summary="Pause a job", **CHANGED)
async def pause(job_id: JobId, service: Served, caller: Ta) -> JobOut:
    """What is being graded is finished, 16 submissions at most, and the rest waits."""
    return await run_in_threadpool(_wish, service, job_id, RequestedState.PAUSE, caller)


@router.post("/jobs/{job_id}/resume", operation_id="resume", summary="Let a job go on", **CHANGED)
async def resume(job_id: JobId, service: Served, caller: Ta) -> JobOut:
    """After a pause or a failure, or to try again what was parked. One that was cancelled stays so."""
    return await run_in_threadpool(_wish, service, job_id, RequestedState.RUN, caller)


@router.post("/jobs/{job_id}/cancel", operation_id="cancel", summary="End a job early", **CHANGED)
async def cancel(job_id: JobId, service: Served, caller: Ta) -> JobOut:
    """What it has graded stays."""
    return await run_in_threadpool(_wish, service, job_id, RequestedState.CANCEL, caller)


def own_job(service: Service, job_id: str) -> Job:
    """Raises UnknownError for a job of another course too."""
    found = service.book.job(job_id)
    if found.course != service.course:
        raise UnknownError(f"There is no job {job_id!r}.")
    return found


def _told(service: Service, job: Job) -> JobOut:
    return job_out(service.book.progress(job.id), service.store)


def _begin(service: Service, name: str, caller: Caller, job_id: str) -> JobOut:
    try:
        lab = load_lab(service.labs.folders[name])
    except (InputError, KeyError):
        detail = "The lab's folder cannot be read any more; grader check says why."
        raise ProblemError(409, "lab-damaged", detail) from None
    begun = service.book.add(service.course, lab, actor=caller.actor, job_id=job_id)
    service.begin(begun)
    return _told(service, begun)


def _wish(service: Service, job_id: str, wish: RequestedState, caller: Caller) -> JobOut:
    own_job(service, job_id)
    changed = service.book.wish(job_id, wish, actor=caller.actor)
    if wish is RequestedState.RUN and changed.finished_at is None:
        service.begin(changed)
    return _told(service, changed)
