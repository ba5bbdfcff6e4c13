"""What came of a job, in files that platforms read, under the students' real ids. For TAs."""

import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from labs_schema.errors import InputError
from labs_schema.lab_writer import write_ratings
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.api.authorization import Ta, ta
from serving.api.routes.jobs import JobId, own_job
from serving.api.schemas.examples import COMPARISON, GRADES_JSONL, KEYED, RATINGS_CSV, answered, problems
from serving.api.schemas.problems import ProblemError
from serving.api.service import Served, Service
from serving.jobs.job import Job
from serving.jobs.results import JobComparison, Result, compared, results, rubric_of


async def _turn(service: Served, caller: Ta) -> AsyncIterator[None]:
    """Until the answer is read."""
    ended = service.results.open(caller.actor)
    try:
        yield
    finally:
        ended()


router = APIRouter(dependencies=[ta, Depends(_turn)])

LINES, TABLE = "application/jsonl", "text/csv"


@router.get(
    "/jobs/{job_id}/grades.jsonl",
    operation_id="job_grades",
    summary="A job's grades",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A line a submission: `grade_id`, the `ratings` in force, and the machine's whole `grade`.",
            "content": {LINES: {"schema": {"type": "string"}, "example": GRADES_JSONL}},
        },
        **problems(404, *KEYED),
    },
)
async def grades(job_id: JobId, service: Served) -> StreamingResponse:
    """Those there are so far; of students who were forgotten, none."""
    found = await run_in_threadpool(lambda: results(service.store, own_job(service, job_id)))
    return StreamingResponse(_lines(found), media_type=LINES)


@router.get(
    "/jobs/{job_id}/rubric_ratings.csv",
    summary="A job's ratings as the lab's table",
    response_class=Response,
    responses={
        200: {
            "description": "The ratings in force, overrides included, in the format of a lab's rubric_ratings.csv.",
            "content": {TABLE: {"schema": {"type": "string"}, "example": RATINGS_CSV}},
        },
        **problems(404, 409, *KEYED),
    },
)
async def ratings(job_id: JobId, service: Served) -> Response:
    text = await run_in_threadpool(lambda: _table(service, own_job(service, job_id)))
    return Response(text, media_type=TABLE)


@router.get(
    "/jobs/{job_id}/comparison",
    operation_id="job_comparison",
    summary="A job beside the TAs' grades and the job before",
    responses={**answered(COMPARISON), **problems(404, *KEYED)},
)
async def comparison(job_id: JobId, service: Served) -> JobComparison:
    def found() -> JobComparison:
        job = own_job(service, job_id)
        return compared(service.store, job, _lab_now(service, job))

    return await run_in_threadpool(found)


def _lines(found: list[Result]) -> Iterator[str]:
    for each in found:
        yield json.dumps(each.model_dump(mode="json"), ensure_ascii=False) + "\n"


def _table(service: Service, job: Job) -> str:
    lab = rubric_of(service.store, job)
    if lab is None:
        raise ProblemError(409, "nothing-graded", "The job has graded nothing yet.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rubric_ratings.csv"
        write_ratings(lab.criteria, {r.grade.student: r.ratings for r in results(service.store, job)}, {}, path)
        return path.read_text(encoding="utf-8")


def _lab_now(service: Service, job: Job) -> Lab | None:
    try:
        return load_lab(service.labs.folders[job.lab])
    except (InputError, KeyError):
        return None
