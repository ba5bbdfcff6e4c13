"""Students' regrade requests: a platform submits them, TAs list and answer them."""

from typing import Annotated

from fastapi import Path, Query, Response
from starlette.concurrency import run_in_threadpool

from serving.api.authorization import Caller, PlatformCaller, TaCaller, api_router, platform
from serving.api.idempotency import RespondsOnce
from serving.api.routes.grades import GradeId, find_visible
from serving.api.schemas.examples import BODY, REGRADE_REQUEST, STORED, responses
from serving.api.schemas.parts import ID_PATTERN
from serving.api.schemas.regrade_requests import (
    LIMITS,
    RegradeAnswerIn,
    RegradeRequestIn,
    RegradeRequestList,
    RegradeRequestRecord,
    regrade_request_record,
)
from serving.api.second_markings import open_second_marking, require_visible
from serving.api.service import CourseService, Service
from serving.store.errors import UnknownError
from serving.store.grades.grades import StoredGrade
from serving.store.grades.regrade_records import RegradeRequest, RequestState
from serving.store.grades.regrade_requests import RegradeRequests
from serving.store.students import is_anonymous

router = api_router(platform, "regrade requests")

RegradeId = Annotated[
    str,
    Path(max_length=64, pattern=ID_PATTERN, description="The request's id.", examples=[REGRADE_REQUEST["id"]]),
]
Lab = Annotated[str | None, Query(max_length=300, description="Only requests about this lab.")]
State = Annotated[RequestState | None, Query(description="Only open or only answered requests.")]
After = Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=LIMITS.listed_max, description="The number of requests to list.")]


@router.post(
    "/grades/{grade_id}/regrade-requests",
    summary="Submit a student's regrade request",
    status_code=201,
    response_model=RegradeRequestRecord,
    responses=responses(
        "The request, which is open.",
        {**REGRADE_REQUEST, "state": "open", "answer": None},
        *("not-found", "regrade-request-open", "too-many-regrade-requests", "invalid-name", "second-marking-open"),
        *(*BODY, *STORED),
        status=201,
    ),
)
async def submit_regrade_request(
    grade_id: GradeId, body: RegradeRequestIn, service: CourseService, caller: PlatformCaller, once: RespondsOnce
) -> Response:
    """A request objects to a criterion's current rating, which it records. A criterion has at most one open request."""
    history, student = await run_in_threadpool(find_visible, service, caller, grade_id)

    def submit(request_id: str) -> RegradeRequestRecord:
        made = requests_of(service).submit(grade_id, body.criterion, body.text, request=request_id, actor=caller.actor)
        return regrade_request_record(made, student)

    return await once.respond_in_thread(submit, 201, history.grade.student)


@router.get(
    "/regrade-requests",
    summary="List regrade requests",
    responses=responses("A page of the queue.", {"requests": [REGRADE_REQUEST], "next": None}),
)
def list_regrade_requests(
    service: CourseService,
    caller: TaCaller,
    lab: Lab = None,
    state: State = None,
    after: After = 0,
    limit: Limit = LIMITS.listed,
) -> RegradeRequestList:
    """Requests about submissions that the caller must still rate as second marker are left out."""
    found = requests_of(service).queue(service.course.name, lab=lab, state=state, after=after, limit=limit)
    visible = (each for each in found if not open_second_marking(service, caller, _grade(service, each)))
    listed = tuple(regrade_request_record(each, _student(service, each)) for each in visible)
    return RegradeRequestList(requests=listed, next=found[-1].seq if len(found) == limit else None)


@router.get(
    "/regrade-requests/{regrade_id}",
    summary="Get a regrade request and its answer",
    responses=responses("The request.", REGRADE_REQUEST, "not-found", "student-forgotten", "second-marking-open"),
)
def get_regrade_request(regrade_id: RegradeId, service: CourseService, caller: PlatformCaller) -> RegradeRequestRecord:
    found = _find_visible(service, caller, regrade_id)
    return regrade_request_record(found, _student(service, found))


@router.post(
    "/regrade-requests/{regrade_id}/answer",
    summary="Grant or decline a regrade request",
    status_code=201,
    response_model=RegradeRequestRecord,
    responses=responses(
        "The answered request.",
        REGRADE_REQUEST,
        *("not-found", "regrade-request-answered", "invalid-name", "second-marking-open", *BODY, *STORED),
        status=201,
    ),
)
async def answer_regrade_request(
    regrade_id: RegradeId, body: RegradeAnswerIn, service: CourseService, caller: TaCaller, once: RespondsOnce
) -> Response:
    """A granted request overrides the rating in the same transaction, also for the other members of a group."""
    found = await run_in_threadpool(_find_visible, service, caller, regrade_id)

    def respond(request_id: str) -> RegradeRequestRecord:
        answered = answer(service, found, body.rating, body.text, request=request_id, actor=caller.actor)
        return regrade_request_record(answered, _student(service, answered))

    return await once.respond_in_thread(respond, 201, found.student)


def requests_of(service: Service) -> RegradeRequests:
    return RegradeRequests(service.store.database)


def answer(
    service: Service, found: RegradeRequest, rating: str | None, text: str, *, request: str, actor: str
) -> RegradeRequest:
    """Answers a request of the service's course. Raises what `RegradeRequests.answer` raises."""
    members = service.jobs.group_grades(service.store.read_history(found.grade).grade) if rating is not None else []
    return requests_of(service).answer(found.id, rating, text, members=members, request=request, actor=actor)


def find_regrade_request(service: Service, regrade_id: str) -> RegradeRequest:
    """Raises UnknownError, also for a request of another course, and ForgottenError."""
    found = requests_of(service).read(regrade_id)
    if service.store.read_student(found.student).course != service.course.name:
        raise UnknownError(f"There is no regrade request {regrade_id!r}.")
    return found


def _find_visible(service: Service, caller: Caller, regrade_id: str) -> RegradeRequest:
    """As `find_regrade_request`. Raises SecondMarkingOpenError if the caller must not see the ratings yet."""
    found = find_regrade_request(service, regrade_id)
    require_visible(service, caller, _grade(service, found))
    return found


def _grade(service: Service, found: RegradeRequest) -> StoredGrade:
    return service.store.read_history(found.grade).grade


def _student(service: Service, found: RegradeRequest) -> str | None:
    student = service.store.read_student(found.student).student
    return None if is_anonymous(student) else student
