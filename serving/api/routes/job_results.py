"""The results of a job, in formats that platforms read, with the students' real ids. For TAs."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Response
from starlette.responses import StreamingResponse

from labs_schema.writing.lab_writer import write_ratings
from serving.api.authorization import TaCaller, api_router, ta
from serving.api.routes.jobs import JobId, find_job
from serving.api.schemas.examples import COMPARISON, GRADES_NDJSON, KEYED, RATINGS_CSV, problems, responses
from serving.api.schemas.problems import ProblemError
from serving.api.second_markings import require_visible_lab
from serving.api.service import CourseService, Service
from serving.jobs.job import Job
from serving.jobs.results.results import JobComparison, Result, compared, results, rubric_of, ungraded_results

router = api_router(ta, "jobs")

NDJSON, CSV = "application/x-ndjson", "text/csv"


def _visible_job(job_id: JobId, service: CourseService, caller: TaCaller) -> Job:
    """Raises UnknownError, and SecondMarkingOpenError if the caller must not see all of its ratings yet."""
    job = find_job(service, job_id)
    require_visible_lab(service, caller, job.lab)
    return job


VisibleJob = Annotated[Job, Depends(_visible_job)]


@router.get(
    "/jobs/{job_id}/grades.jsonl",
    summary="Get a job's grades",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "A JSON line per student: `grade_id`, the current `ratings`, and the model's `grade`. "
            "If no model graded the student, `grade.provenance` is null, and each criterion is `ungraded`.",
            "content": {NDJSON: {"schema": {"type": "string"}, "example": GRADES_NDJSON}},
        },
        **problems("not-found", "second-marking-open", "too-many-streams", *KEYED),
    },
)
def get_job_grades(job: VisibleJob, service: CourseService) -> StreamingResponse:
    """Students whom no model graded come first, with the reason, then the grades so far. Without forgotten students.

    Every `grade_id` can be overridden, so a person can rate a submission that no model can read. A TA with open second
    markings in the lab gets 409, as for all results of the job.
    """
    return StreamingResponse(_lines(_results(service, job)), media_type=NDJSON)


@router.get(
    "/jobs/{job_id}/rubric_ratings.csv",
    summary="Get a job's ratings as a lab's table",
    response_class=Response,
    responses={
        200: {
            "description": "The current ratings, overrides included, in the format of a lab's rubric_ratings.csv.",
            "content": {CSV: {"schema": {"type": "string"}, "example": RATINGS_CSV}},
        },
        **problems("not-found", "nothing-graded", "second-marking-open", "too-many-streams", *KEYED),
    },
)
def get_job_ratings(job: VisibleJob, service: CourseService) -> Response:
    lab, found = rubric_of(service.store, job) or service.course.labs.get(job.lab), _results(service, job)
    if lab is None or not found:
        raise ProblemError("nothing-graded", "The job has not graded a submission yet.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rubric_ratings.csv"
        write_ratings(lab.criteria, {r.grade.student: r.ratings for r in found}, {}, path)
        return Response(path.read_text(encoding="utf-8"), media_type=CSV)


@router.get(
    "/jobs/{job_id}/comparison",
    summary="Compare a job with the TAs' grades and the previous job",
    responses=responses("The comparison.", COMPARISON, "not-found", "second-marking-open", "too-many-streams"),
)
def compare_job(job: VisibleJob, service: CourseService) -> JobComparison:
    return compared(service.store, job, service.course.labs.load(job.lab))


def _lines(found: list[Result]) -> Iterator[str]:
    for each in found:
        yield json.dumps(each.model_dump(mode="json"), ensure_ascii=False) + "\n"


def _results(service: Service, job: Job) -> list[Result]:
    return [*ungraded_results(service.store, job), *results(service.store, job)]
