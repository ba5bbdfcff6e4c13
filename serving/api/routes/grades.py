"""Grades as they are kept: their history, and what a person decides otherwise. For TAs."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.authorization import Ta, ta
from serving.api.idempotency import IdempotencyKey, once
from serving.api.schemas.examples import HISTORY, KEYED, OVERRIDE, answered, problems
from serving.api.schemas.jobs import GradeHistory, OverrideOut, history_out, override_out
from serving.api.schemas.requests import ID, OverrideRequest
from serving.api.service import Served, Service
from serving.store.errors import UnknownError
from serving.store.overrides import History
from serving.store.students import is_anonymous

router = APIRouter(dependencies=[ta])

GradeId = Annotated[str, Path(max_length=64, pattern=ID, examples=[HISTORY["id"]])]


@router.get(
    "/grades/{grade_id}",
    operation_id="kept_grade",
    summary="A grade and what became of it",
    responses={**answered(HISTORY), **problems(404, *KEYED)},
)
async def kept_grade(grade_id: GradeId, service: Served) -> GradeHistory:
    return await run_in_threadpool(lambda: history_out(*_own(service, grade_id)))


@router.post(
    "/grades/{grade_id}/overrides",
    operation_id="override",
    summary="Rate a criterion otherwise",
    status_code=201,
    response_model=OverrideOut,
    responses={**answered(OVERRIDE, 201), **problems(400, 404, 408, 409, 410, 413, *KEYED)},
)
async def override(
    grade_id: GradeId,
    body: OverrideRequest,
    request: Request,
    service: Served,
    caller: Ta,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Adds to the grade's history; the machine's rating stays in it."""
    found, _ = await run_in_threadpool(_own, service, grade_id)

    async def decide(name: str) -> OverrideOut:
        decided = await run_in_threadpool(
            lambda: service.store.record_override(
                grade_id, body.criterion, body.rating, body.why, request=name, actor=caller.actor
            )
        )
        return override_out(decided)

    return await once(service, caller, request, idempotency_key, decide, status=201, student=found.grade.student)


def _own(service: Service, grade_id: str) -> tuple[History, str | None]:
    """A grade and its student's real id, None for nobody. Raises UnknownError for one of another course too."""
    found = service.store.read_history(grade_id)
    student = service.store.read_student(found.grade.student)
    if student.course != service.course:
        raise UnknownError(f"There is no grade {grade_id!r}.")
    return found, None if is_anonymous(student.student) else student.student
