"""`POST /grade`: a submission in, its graded rubric out, kept before it is answered."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.errors import OverlongError
from labs_schema.grades import Grade
from labs_schema.models import Lab, Person, Submission
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import person_from_id, roster_names, with_redactions
from serving.api.authorization import Caller, Platform, platform
from serving.api.grade_requests import grade_through_queue, queue_full, too_many_tokens, too_slow
from serving.api.idempotency import IdempotencyKey, once
from serving.api.middleware.body_limit import too_large
from serving.api.middleware.json_complexity import JsonComplexityLimit
from serving.api.routes.labs import known_lab
from serving.api.schemas.examples import ANSWER, GRADE_REQUESTS, KEYED, answered, problems
from serving.api.schemas.grades import GradeResponse, graded
from serving.api.schemas.problems import ProblemError, excerpt
from serving.api.schemas.requests import LIMITS, GradeRequest, LabGradeRequest
from serving.api.service import Served, Service
from serving.scheduler.engine_queue import QueueFullError, QueueSlot
from serving.store.errors import ForgottenError

router = APIRouter(dependencies=[platform], route_class=JsonComplexityLimit)

GRADE_ID = {"grade_id": "$response.body#/grade_id"}
LINKS = {
    "history": {"operationId": "kept_grade", "parameters": GRADE_ID},
    "override": {
        "operationId": "override",
        "parameters": GRADE_ID,
        "requestBody": {
            "criterion": "$response.body#/criteria/0/title",
            "rating": "$response.body#/criteria/0/ratings/0/id",
        },
    },
}


async def _slot(service: Served) -> AsyncIterator[QueueSlot]:
    """In the queue, from when the body is there: what is begun is not refused for want of room any more."""
    try:
        with service.engine.reserve_slot(service.course) as slot:
            yield slot
    except QueueFullError as error:
        raise queue_full(error.retry_after) from None


ReservedSlot = Annotated[QueueSlot, Depends(_slot)]


@router.post(
    "/grade",
    summary="Grade a submission",
    response_model=GradeResponse,
    responses={200: {**answered(ANSWER)[200], "links": LINKS}, **problems(400, 404, 408, 409, 410, 413, *KEYED)},
)
async def grade(
    body: Annotated[GradeRequest, Body(openapi_examples=GRADE_REQUESTS)],
    request: Request,
    service: Served,
    caller: Platform,
    slot: ReservedSlot,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Every criterion with the rating chosen and the probability of every rating, or the reason why it is ungraded.

    A submission of which nothing could be graded is still an answer (200). 503 says when to come again. The grade is
    in the store, on the disk, before it is answered.
    """
    if isinstance(body, LabGradeRequest):
        lab, ids = known_lab(service.labs, body.lab), {}
    else:
        lab, ids = body.rubric(), {c.title: c.id for c in body.criteria if c.id}
    work = _admitted(body.submission.submission(), lab, service.characters)
    roster = lab.roster if isinstance(body, LabGradeRequest) else service.labs.roster
    work = await _noted(service, work, lab.language, roster, body.student or "")
    student = await run_in_threadpool(
        service.store.pseudonym_for, service.course, body.student or "", actor=caller.actor
    )
    submission = work.model_copy(update={"student": student, "folder": student})

    async def answer(name: str) -> GradeResponse:
        if idempotency_key and (kept := await run_in_threadpool(_kept, service, lab, name, ids)):
            return kept
        given = await _grade(service, request, lab, submission, body.reasoning, slot)
        return graded(lab, given, await run_in_threadpool(_keep, service, lab, submission, given, name, caller), ids)

    return await once(service, caller, request, idempotency_key, answer, student=student)


def _kept(service: Service, lab: Lab, name: str, ids: Mapping[str, str]) -> GradeResponse | None:
    """The grade that an earlier try of this request has left in the store before its process ended."""
    kept = next(iter(service.store.read_grades(name)), None)
    return graded(lab, kept.grade, kept.id, ids) if kept and kept.grade else None


def _keep(service: Service, lab: Lab, submission: Submission, given: Grade, name: str, caller: Caller) -> str:
    """The id of the grade, once it is on the disk. Raises ForgottenError where the student was forgotten meanwhile."""
    [grade_id] = service.store.record_grades(lab, [submission], [given], request=name, actor=caller.actor)
    if grade_id is None:
        raise ForgottenError("The student was forgotten while the work was graded.")
    return grade_id


async def _noted(
    service: Service, work: Submission, language: str, roster: tuple[Person, ...], student: str
) -> Submission:
    """`work`, with what of it no model is shown: the names of the roster, and the id of whose work it is. Raises the
    413 of a program with too many tokens, in which nobody looks for names."""

    def both() -> Submission:
        service.engine.check_length(work, service.course)
        return with_redactions(work, language, roster_names(roster), NameMatcher([person_from_id(student)]))

    try:
        async with asyncio.timeout(service.seconds):
            return await service.preparing.run(work, both)
    except OverlongError as error:
        raise too_many_tokens(error) from None
    except TimeoutError:
        raise too_slow(service.seconds, service.engine.retry_after) from None


def _admitted(submission: Submission, lab: Lab, characters: int) -> Submission:
    """`submission`, unless it weighs more than a lab's reader would take, or than any model here could read."""
    sizes = [len(file.text.encode()) for file in submission.files]
    for file, size in zip(submission.files, sizes, strict=True):
        if size > LIMITS.source_bytes:
            raise too_large("submission.files", f"{size} bytes in {excerpt(file.path)}", LIMITS.source_bytes)
    if sum(sizes) > LIMITS.submission_bytes:
        raise too_large("submission.files", f"{sum(sizes)} bytes in all", LIMITS.submission_bytes)
    text = len(lab.problem) + sum(len(file.text) for file in submission.files)
    if text > characters:
        raise too_large("submission.files", f"{text} characters with the problem statement", characters, "characters")
    return submission


async def _grade(
    service: Service, request: Request, lab: Lab, submission: Submission, reasoning: bool, slot: QueueSlot
) -> Grade:
    """Like `grade_through_queue`, but stops waiting, and drops what still waits, once the client is gone."""
    answer = asyncio.ensure_future(grade_through_queue(service, lab, submission, reasoning, service.seconds, slot))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ProblemError(499, "client-gone", "The client closed the connection.")
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
