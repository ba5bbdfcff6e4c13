"""Regrading labs: start a job, follow its progress, pause, resume and cancel it. For TAs."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from labs_schema.errors import InputError
from labs_schema.limits import ServiceLimits
from labs_schema.reading.validate import read_lab
from serving.api.authorization import Caller, TaCaller, api_router, still_authorized, ta
from serving.api.idempotency import RespondsOnce
from serving.api.routes.labs import LabName, find_lab
from serving.api.schemas.examples import JOB, JOB_EVENTS, KEYED, STORED, problems, responses, success
from serving.api.schemas.jobs import JobList, JobStatus, job_status
from serving.api.schemas.parts import ID_PATTERN
from serving.api.schemas.problems import ProblemError
from serving.api.service import CourseService, Service
from serving.jobs.job import Job, RequestedState, State
from serving.store.errors import UnknownError

router = api_router(ta, "jobs")

log = logging.getLogger("grader.jobs")
LIMITS = ServiceLimits()
ENDED = (State.DONE, State.FAILED, State.CANCELLED)
JobId = Annotated[str, Path(max_length=64, pattern=ID_PATTERN, description="The job's id.", examples=[JOB["id"]])]
ListedJobs = Annotated[int, Query(ge=1, le=LIMITS.listed_jobs_max, description="The number of jobs to list.")]
EVENT = {
    "type": "object",
    "properties": {"event": {"const": "progress"}, "data": {"type": "string", "contentMediaType": "application/json"}},
    "required": ["event", "data"],
}
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second turns off nginx's buffering


def _links(*operations: str) -> dict[str, Any]:
    """OpenAPI links from a job to the operations that take its id."""
    return {name: {"operationId": name, "parameters": {"job_id": "$response.body#/id"}} for name in operations}


@router.post(
    "/labs/{lab}/regrade",
    summary="Regrade a lab",
    status_code=202,
    response_model=JobStatus,
    responses={
        202: {
            **success("The job, which is queued.", JOB, 202)[202],
            "headers": {"Location": {"description": "The path of the job.", "schema": {"type": "string"}}},
            "links": _links("get_job", "pause_job", "resume_job", "cancel_job", "get_job_grades", "compare_job"),
        },
        **problems("unknown-lab", "lab-unreadable", *STORED, *KEYED),
    },
)
async def regrade_lab(lab: LabName, service: CourseService, caller: TaCaller, once: RespondsOnce) -> Response:
    """Starts a job that grades every submission of the lab again. The job survives a restart of the service."""
    find_lab(service.course.labs, lab)
    started = await once.respond_in_thread(partial(_start, service, lab, caller), 202, None)
    started.headers["Location"] = f"/jobs/{JobStatus.model_validate_json(bytes(started.body)).id}"
    return started


@router.get("/jobs", summary="List the course's jobs", responses=responses("The jobs.", {"jobs": [JOB]}))
def list_jobs(service: CourseService, limit: ListedJobs = LIMITS.listed_jobs) -> JobList:
    found = service.jobs.all(service.course.name)[:limit]
    return JobList(jobs=tuple(_status(service, job) for job in found))


@router.get("/jobs/{job_id}", summary="Get a job's progress", responses=responses("The job.", JOB, "not-found"))
def get_job(job_id: JobId, service: CourseService) -> JobStatus:
    return _status(service, find_job(service, job_id))


@router.get(
    "/jobs/{job_id}/events",
    summary="Stream a job's progress",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `progress` with the job as JSON, on every change until the job ends.",
            "content": {"text/event-stream": {"schema": EVENT, "example": JOB_EVENTS}},
        },
        **problems("not-found", "too-many-streams", *KEYED),
    },
)
async def stream_job_events(job_id: JobId, request: Request, service: CourseService) -> StreamingResponse:
    """The stream ends after 10 minutes; reconnect to continue. It ends at once if the key is revoked."""
    await run_in_threadpool(find_job, service, job_id)

    def read() -> JobStatus | None:
        return _status(service, find_job(service, job_id)) if still_authorized(service, request) else None

    return StreamingResponse(job_events(read, service.stopping), media_type="text/event-stream", headers=STREAM_HEADERS)


async def job_events(
    read: Callable[[], JobStatus | None], stopping: threading.Event, limits: ServiceLimits = LIMITS
) -> AsyncIterator[str]:
    """A job's progress as server-sent events (WHATWG HTML, section 9.2): an event per change, comments in between.

    Ends with the job, with the service, after `stream_seconds`, or when `read` returns None: the reader lost access.
    """
    sent, idle_seconds, end = None, 0.0, time.monotonic() + limits.stream_seconds
    while (found := await run_in_threadpool(read)) is not None:
        if found != sent:
            sent, idle_seconds = found, 0.0
            yield f"event: progress\ndata: {found.model_dump_json()}\n\n"
        if found.state in ENDED or stopping.is_set() or time.monotonic() >= end:
            return
        if idle_seconds >= limits.stream_heartbeat_seconds:
            idle_seconds = 0.0
            yield ": heartbeat\n\n"
        await asyncio.sleep(limits.stream_poll_seconds)
        idle_seconds += limits.stream_poll_seconds


CHANGE: dict[str, Any] = {"responses": responses("The job.", JOB, "not-found"), "response_model": JobStatus}


@router.post("/jobs/{job_id}/pause", summary="Pause a job", **CHANGE)
def pause_job(job_id: JobId, service: CourseService, caller: TaCaller) -> JobStatus:
    """Finishes the current chunk of up to 16 submissions; the rest waits."""
    return _request_state(service, job_id, RequestedState.PAUSE, caller)


@router.post("/jobs/{job_id}/resume", summary="Resume a job", **CHANGE)
def resume_job(job_id: JobId, service: CourseService, caller: TaCaller) -> JobStatus:
    """Continues after a pause or a failure, and retries parked submissions. A cancelled job stays cancelled."""
    return _request_state(service, job_id, RequestedState.RUN, caller)


@router.post("/jobs/{job_id}/cancel", summary="Cancel a job", **CHANGE)
def cancel_job(job_id: JobId, service: CourseService, caller: TaCaller) -> JobStatus:
    """The job's grades remain."""
    return _request_state(service, job_id, RequestedState.CANCEL, caller)


def find_job(service: Service, job_id: str) -> Job:
    """Raises UnknownError, also for a job of another course."""
    found = service.jobs.job(job_id)
    if found.course != service.course.name:
        raise UnknownError(f"There is no job {job_id!r}.")
    return found


def _status(service: Service, job: Job) -> JobStatus:
    return job_status(service.jobs.progress(job.id), service.store)


def _start(service: Service, lab_name: str, caller: Caller, job_id: str) -> JobStatus:
    try:
        lab = read_lab(service.course.labs.folders[lab_name]).lab_with_warnings()
    except (InputError, KeyError):
        raise ProblemError("lab-unreadable", "The lab's folder can no longer be read.") from None
    job = service.jobs.add(service.course.name, lab, actor=caller.actor, job_id=job_id)
    if job.warnings:
        counts = ", ".join(f"{code} {count}" for code, count in job.warnings.items())
        log.warning("lab %s of job %s: %s; details: grader check", lab.name, job.id, counts)
    service.start_job(job)
    return _status(service, job)


def _request_state(service: Service, job_id: str, state: RequestedState, caller: Caller) -> JobStatus:
    find_job(service, job_id)
    changed = service.jobs.request(job_id, state, actor=caller.actor)
    if state is RequestedState.RUN and changed.finished_at is None:
        service.start_job(changed)
    return _status(service, changed)
