"""`POST /grade`: takes a submission and returns its grade, which is stored before the response is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import Body, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.errors import InputError, OverlongError
from labs_schema.grades import Grade
from labs_schema.limits import LabLimits, RequestLimits
from labs_schema.models import Lab, Person, Submission
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import person_from_id, roster_names, with_redactions
from serving.api.authorization import AuthorizedRoute, Caller, PlatformCaller, api_router, platform
from serving.api.grade_requests import grade_through_queue, queue_full, timed_out, too_many_tokens
from serving.api.idempotency import RespondsOnce
from serving.api.observation_requests import observe_through_queue
from serving.api.routes.labs import find_lab
from serving.api.schemas.examples import ANSWER, BODY, GRADE_REQUESTS, KEYED, STORED, problems, success
from serving.api.schemas.grades import GradeResponse, grade_response
from serving.api.schemas.problems import FieldProblem, ProblemError, excerpt, too_large
from serving.api.schemas.requests import GradeRequest, LabGradeRequest, RubricGradeRequest
from serving.api.service import CourseService, Service
from serving.scheduler.engine_queue import QueueFullError, QueueSlot
from serving.store.errors import ForgottenError

GRADE_ID = {"grade_id": "$response.body#/grade_id"}
LINKS = {
    "history": {"operationId": "get_grade", "parameters": GRADE_ID},
    "override": {
        "operationId": "override_grade",
        "parameters": GRADE_ID,
        "requestBody": {
            "criterion": "$response.body#/criteria/0/title",
            "rating": "$response.body#/criteria/0/ratings/0/id",
        },
    },
}
SOURCE_BYTES = LabLimits().source_bytes


class QueueingRoute(AuthorizedRoute):
    """Responds with 503 while the queue is full, before anything else: under overload a refusal must be cheap."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            engine = request.app.state.service.engine
            if engine.queue.full:
                raise queue_full(engine.queue.retry_after)
            return await handle(request)

        return admitted


router = api_router(platform, "grading", QueueingRoute)


async def _reserve_slot(service: CourseService) -> AsyncIterator[QueueSlot]:
    """Reserves a queue slot once the body is parsed, so that the request is not refused after further work."""
    try:
        with service.engine.queue.reserve_slot(service.course.name) as slot:
            yield slot
    except QueueFullError as error:
        raise queue_full(error.retry_after) from None


ReservedSlot = Annotated[QueueSlot, Depends(_reserve_slot)]


@router.post(
    "/grade",
    summary="Grade a submission",
    response_model=GradeResponse,
    responses={
        200: {**success("The grade, which is stored.", ANSWER)[200], "links": LINKS},
        **problems(
            "unknown-lab",
            "invalid-name",
            "unreadable-submission",
            "engine-failed",
            "grading-timeout",
            "model-rejected",
            "queue-full",
            "shutting-down",
            *BODY,
            *STORED,
            *KEYED,
        ),
    },
)
async def grade_submission(
    body: Annotated[GradeRequest, Body(openapi_examples=GRADE_REQUESTS)],
    request: Request,
    service: CourseService,
    caller: PlatformCaller,
    slot: ReservedSlot,
    once: RespondsOnce,
) -> Response:
    """Every criterion with its rating and the probability of every rating, or the reason why it is ungraded.

    If the lab has checks and the request has no observations, an observer runs the checks first, if one is running. A
    submission without any graded criterion is still a 200. A 503 has a Retry-After. The grade is committed to the store
    before the response is sent.
    """
    if isinstance(body, LabGradeRequest):
        lab, ids = find_lab(service.course.labs, body.lab), {}
    else:
        lab, ids = body.rubric(), {c.title: c.id for c in body.criteria if c.id}
    given = await run_in_threadpool(_read, body, lab)
    submission = _check_size(given, lab, service.options.max_chars)
    roster = lab.roster if isinstance(body, LabGradeRequest) else service.course.labs.roster
    submission = await _redact(service, submission, lab.language, roster, body.student or "")
    student = await run_in_threadpool(
        service.store.pseudonym_for, service.course.name, body.student or "", actor=caller.actor
    )
    submission = submission.model_copy(update={"student": student, "folder": student})

    async def grade(request_id: str) -> GradeResponse:
        if once.key and (found := await run_in_threadpool(_recorded, service, lab, request_id, ids)):
            return found
        observed = submission
        if isinstance(body, LabGradeRequest):
            observed = await observe_through_queue(service, lab.name, submission, request_id)
        graded = await _grade_while_connected(service, request, lab, observed, body.reasoning, slot)
        grade_id = await run_in_threadpool(_record, service, lab, observed, graded, request_id, caller)
        # A process that took this request over may have recorded its own grade first, and the first one counts.
        if once.key and (found := await run_in_threadpool(_recorded, service, lab, request_id, ids)):
            return found
        return grade_response(lab, graded, grade_id, ids)

    return await once.respond(grade, student=student)


def _recorded(service: Service, lab: Lab, request_id: str, ids: Mapping[str, str]) -> GradeResponse | None:
    """The grade that an earlier attempt at this request stored before its process ended."""
    stored = next(iter(service.store.read_grades(request_id)), None)
    return grade_response(lab, stored.grade, stored.id, ids) if stored and stored.grade else None


def _record(service: Service, lab: Lab, submission: Submission, grade: Grade, request_id: str, caller: Caller) -> str:
    """The id of the committed grade. Raises ForgottenError if the student has been forgotten."""
    [grade_id] = service.store.record_grades(lab, [submission], [grade], request=request_id, actor=caller.actor)
    if grade_id is None:
        raise ForgottenError("The student was forgotten while the submission was graded.")
    return grade_id


async def _redact(
    service: Service, submission: Submission, language: str, roster: tuple[Person, ...], student: str
) -> Submission:
    """Marks the names of the roster and the student's id for redaction.

    Raises ProblemError: 413 for a program with too many tokens, in which names are not searched.
    """

    def check_and_redact() -> Submission:
        service.engine.check_length(submission, service.course.name)
        names = roster_names(roster), NameMatcher([person_from_id(student)])
        return with_redactions(submission, language, *names)

    seconds = service.options.timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            return await service.preparation.run(submission, check_and_redact)
    except OverlongError as error:
        raise too_many_tokens(error) from None
    except TimeoutError:
        raise timed_out(seconds, service.engine.queue.retry_after) from None


def _read(body: LabGradeRequest | RubricGradeRequest, lab: Lab) -> Submission:
    """The submission with its observations. Raises ProblemError: 413 for a file that the reader of labs would reject,
    422 without a readable program."""
    given = body.submission
    for file in given.files:
        if (size := len(file.content.encode())) > SOURCE_BYTES:
            raise too_large("submission.files", f"{size} bytes in {excerpt(file.filename)}", SOURCE_BYTES)
    try:
        submission = given.read(lab)
        observed = body.observations and body.observations.of(submission)
        return submission.model_copy(update={"observations": observed})
    except InputError as error:
        where = "submission.files" if given.files else "submission.archive"
        listed = [
            FieldProblem(field=where, found=f"{issue.code}: {issue.found}", expected=issue.expected, hint=issue.hint)
            for issue in error.issues[: RequestLimits().listed_errors]
        ]
        raise ProblemError("unreadable-submission", "The submission has no readable program.", listed) from None


def _check_size(submission: Submission, lab: Lab, max_chars: int) -> Submission:
    """Raises ProblemError (413) for a program that no model could read."""
    chars = len(lab.problem) + sum(len(file.text) for file in submission.files)
    if chars > max_chars:
        raise too_large("submission.files", f"{chars} characters with the problem statement", max_chars, "characters")
    return submission


async def _grade_while_connected(
    service: Service, request: Request, lab: Lab, submission: Submission, reasoning: bool, slot: QueueSlot
) -> Grade:
    """Like `grade_through_queue`, but drops a submission that still waits when its client disconnects."""
    seconds = service.options.timeout_seconds
    grading = asyncio.ensure_future(
        grade_through_queue(service, lab, submission, reasoning=reasoning, timeout_seconds=seconds, slot=slot)
    )
    disconnect = asyncio.ensure_future(_wait_for_disconnect(request))
    try:
        await asyncio.wait({grading, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if not grading.done():
            raise ProblemError("client-closed-request", "The client closed the connection.")
        return grading.result()
    finally:
        grading.cancel()
        disconnect.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
