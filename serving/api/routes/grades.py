"""Stored grades: their history, and overrides by people. For TAs."""

from typing import Annotated

from fastapi import Path, Response
from starlette.concurrency import run_in_threadpool

from serving.api.authorization import Caller, TaCaller, api_router, ta
from serving.api.idempotency import RespondsOnce
from serving.api.schemas.examples import BODY, HISTORY, OVERRIDE, STORED, responses
from serving.api.schemas.jobs import GradeHistory, OverrideRecord, grade_history, override_record
from serving.api.schemas.parts import ID_PATTERN
from serving.api.schemas.requests import OverrideRequest
from serving.api.second_markings import require_visible
from serving.api.service import CourseService, Service
from serving.store.errors import UnknownError
from serving.store.grades.overrides import History
from serving.store.grades.regrade_requests import RegradeRequests
from serving.store.students import is_anonymous

router = api_router(ta, "grades")

GradeId = Annotated[
    str, Path(max_length=64, pattern=ID_PATTERN, description="The grade's id.", examples=[HISTORY["id"]])
]


@router.get(
    "/grades/{grade_id}",
    summary="Get a grade and its history",
    responses=responses("The grade and its history.", HISTORY, "not-found", "second-marking-open"),
)
def get_grade(grade_id: GradeId, service: CourseService, caller: TaCaller) -> GradeHistory:
    """A second marker who has not rated the submission yet gets 409 and sees no ratings."""
    history, student = find_visible(service, caller, grade_id)
    return grade_history(history, student, RegradeRequests(service.store.database).of_grade(grade_id))


@router.post(
    "/grades/{grade_id}/overrides",
    summary="Override the rating of a criterion",
    status_code=201,
    response_model=OverrideRecord,
    responses=responses(
        "The override.", OVERRIDE, "not-found", "invalid-name", "second-marking-open", *BODY, *STORED, status=201
    ),
)
async def override_grade(
    grade_id: GradeId, body: OverrideRequest, service: CourseService, caller: TaCaller, once: RespondsOnce
) -> Response:
    """Adds to the grade's history; the model's rating remains in it.

    The grades of the other members of a group get the same override, unless `applies_to` is `student`.
    """
    found, _ = await run_in_threadpool(find_visible, service, caller, grade_id)

    def override(request_id: str) -> OverrideRecord:
        members = service.jobs.group_grades(found.grade) if body.applies_to == "group" else []
        made = service.store.record_override(
            grade_id, body.criterion, body.rating, body.why, members=members, request=request_id, actor=caller.actor
        )
        return override_record(made)

    return await once.respond_in_thread(override, 201, found.grade.student)


def find_grade(service: Service, grade_id: str) -> tuple[History, str | None]:
    """A grade and its student's real id, None if anonymous. Raises UnknownError, also for another course's grade."""
    found = service.store.read_history(grade_id)
    student = service.store.read_student(found.grade.student)
    if student.course != service.course.name:
        raise UnknownError(f"There is no grade {grade_id!r}.")
    return found, None if is_anonymous(student.student) else student.student


def find_visible(service: Service, caller: Caller, grade_id: str) -> tuple[History, str | None]:
    """As `find_grade`. Raises SecondMarkingOpenError if the caller must not see the ratings yet."""
    found, student = find_grade(service, grade_id)
    require_visible(service, caller, found.grade)
    return found, student
