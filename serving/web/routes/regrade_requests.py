"""The queue of students' regrade requests, with a form to answer each."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from serving.api.routes.regrade_requests import answer, find_regrade_request, requests_of
from serving.api.schemas.problems import ProblemError
from serving.api.second_markings import open_second_marking, require_visible
from serving.api.service import Service
from serving.store.grades.regrade_records import RegradeRequest, RequestState
from serving.store.grades.regrade_requests import LIMITS
from serving.store.students import is_anonymous
from serving.web.form_posts import PageRoute, SentForm, limited_text, sent_request, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.review_state import LabPage, review_state
from serving.web.visitors import Name, TaVisitor, course_service, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])


@router.get("/regrade-requests")
def queue(
    request: Request,
    course: Name,
    state: RequestState = RequestState.OPEN,
    lab: Annotated[str | None, Query(max_length=500)] = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    service = course_service(request, course)
    found = requests_of(service).queue(course, lab=lab, state=state, after=after, limit=LIMITS.listed)
    context = {
        "rows": [_row(request, service, each) for each in found],
        "next": found[-1].seq if len(found) == LIMITS.listed else None,
        "most": LIMITS.text_chars,
    }
    return render(request, "regrade_requests.html", course=course, lab=lab, state=state, **context)


@router.post("/regrade-requests/{regrade_id}")
def respond(request: Request, caller: TaVisitor, regrade_id: str, form: SentForm) -> Response:
    course, act, rating = (text(form, name) for name in ("course", "act", "rating"))
    if act not in ("grant", "decline") or (act == "grant" and not rating):
        raise ProblemError("invalid-request", "Choose a new rating to grant the request, or decline it.")
    new, words = rating if act == "grant" else None, limited_text(form, "answer", LIMITS.text_chars)
    request_id = sent_request(form, new, words)
    service = course_service(request, course)
    found = find_regrade_request(service, regrade_id)
    require_visible(service, caller, service.store.read_history(found.grade).grade)
    answer(service, found, new, words, request=request_id, actor=caller.actor)
    return redirect(request, "/regrade-requests", course=course, lab=text(form, "lab") if "lab" in form else None)


def _row(request: Request, service: Service, found: RegradeRequest) -> dict[str, Any]:
    """`sealed`: the grade that the visitor must rate first, as second marker. `hidden`: the rating of the criterion is
    the model's, and the visitor is to choose without it."""
    history, student = service.store.read_history(found.grade), service.store.read_student(found.student).student
    [criterion] = [each for each in history.lab.criteria if each.title == found.criterion]
    review = review_state(request).index.lab(service.course.name, found.lab)
    hidden = LabPage(request, service, review).hidden
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
