"""The queue of students' regrade requests, with a form to answer each."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.authorization import Caller
from serving.api.routes.regrade_requests import answer, find_regrade_request, requests_of
from serving.api.schemas.problems import ProblemError, too_large
from serving.api.second_markings import open_second_marking, require_visible
from serving.api.service import Service
from serving.store.grades.regrade_records import RegradeRequest, RequestState
from serving.store.grades.regrade_requests import LIMITS
from serving.store.students import is_anonymous
from serving.web.form_posts import PageRoute, form_hash, read_form, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.review_state import hidden_for, review_state
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
REQUEST = re.compile(r"[\w-]{16,64}")
Name = Annotated[str, Query(max_length=500)]


@router.get("/regrade-requests")
async def queue(
    request: Request,
    caller: TaVisitor,
    course: Name,
    state: RequestState = RequestState.OPEN,
    lab: Annotated[str | None, Query(max_length=500)] = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    del caller
    context = await run_in_threadpool(_list, request, course, lab, state, after)
    return render(request, "regrade_requests.html", course=course, lab=lab, state=state, **context)


@router.post("/regrade-requests/{regrade_id}")
async def respond(request: Request, caller: TaVisitor, regrade_id: str) -> Response:
    form = await read_form(request)
    course, act, rating, answered = (text(form, name) for name in ("course", "act", "rating", "answer"))
    request_id = text(form, "request")
    if act not in ("grant", "decline") or not REQUEST.fullmatch(request_id) or (act == "grant" and not rating):
        raise ProblemError("invalid-request", "Choose a new rating to grant the request, or decline it.")
    if len(answered) > LIMITS.text_chars:
        raise too_large("answer", f"{len(answered)} characters", LIMITS.text_chars, "characters")
    new = rating if act == "grant" else None
    request_id = f"{request_id}-{form_hash(new, answered.strip())}"
    await run_in_threadpool(_respond, request, caller, course, regrade_id, (new, answered.strip(), request_id))
    return redirect(request, "/regrade-requests", course=course, lab=text(form, "lab") if "lab" in form else None)


def _respond(
    request: Request, caller: Caller, course: str, regrade_id: str, given: tuple[str | None, str, str]
) -> None:
    service, (rating, words, request_id) = course_service(request, course), given
    found = find_regrade_request(service, regrade_id)
    require_visible(service, caller, service.store.read_history(found.grade).grade)
    answer(service, found, rating, words, request=request_id, actor=caller.actor)


def _list(request: Request, course: str, lab: str | None, state: RequestState, after: int) -> dict[str, Any]:
    service = course_service(request, course)
    found = requests_of(service).queue(service.course.name, lab=lab, state=state, after=after, limit=LIMITS.listed)
    return {
        "rows": [_row(request, service, each) for each in found],
        "next": found[-1].seq if len(found) == LIMITS.listed else None,
        "most": LIMITS.text_chars,
    }


def _row(request: Request, service: Service, found: RegradeRequest) -> dict[str, Any]:
    """`sealed`: the grade that the visitor is to rate first, as second marker. `hidden`: the rating of the criterion is
    the model's, and the visitor is to choose without it."""
    history, student = service.store.read_history(found.grade), service.store.read_student(found.student).student
    [criterion] = [each for each in history.lab.criteria if each.title == found.criterion]
    review = review_state(request).index.lab(service.course.name, found.lab)
    hidden = hidden_for(request, review)
    current = [item for item in review.items.values() if item.student == found.student]
    return {
        "found": found,
        "sealed": open_second_marking(service, request.state.caller, history.grade),
        "hidden": any(
            hidden(item, each) for item in current for each in item.criteria if each.title == found.criterion
        ),
        "student": "" if is_anonymous(student) else student or "",
        "current": history.ratings.get(found.criterion),
        "ratings": criterion.ratings,
        "request_id": new_request_id(),
    }
