"""A lab's submissions: filters in the URL, pages made by the server, and acceptance of many in one step."""

import re
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.limits import PageLimits
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError
from serving.review.filters import Filter, Hidden, Order, Show, selected
from serving.review.index import LabReview
from serving.review.items import ReviewCriterion, ReviewItem
from serving.review.labelling.proposed_grades import has_proposal
from serving.review.statistics import blind_agreement
from serving.review.steps import BULK, active_steps, recorded_outcomes, undo_choices
from serving.store.grades.choices import Choice
from serving.store.grades.overrides import Action
from serving.store.grades.regrade_requests import RegradeRequests
from serving.web.form_posts import PageRoute, read_form, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.review_state import BLIND, hidden_for, is_blind, lab_place, read_filter, review_state, tas_ratings
from serving.web.sessions import cookie
from serving.web.team import tas_of
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
ROWS = PageLimits().listed_submissions
Name = Annotated[str, Query(max_length=500)]


@router.get("/lab")
async def lab(
    request: Request, caller: TaVisitor, course: Name, lab: Name, page: Annotated[int, Query(ge=1, le=10**6)] = 1
) -> Response:
    del caller
    chosen = read_filter(request.query_params)
    context = await run_in_threadpool(_list, request, course, lab, chosen, page)
    return render(request, "lab.html", **context)


@router.post("/lab/accept")
async def accept(request: Request, caller: TaVisitor) -> Response:
    """Accepts the ratings that the model's calibration accepted, as the page listed them."""
    form = await read_form(request)
    course, lab_name, bulk, seq = (text(form, name) for name in ("course", "lab", "request", "seq"))
    if not re.fullmatch(rf"{BULK}[\w-]{{16,64}}", bulk) or not re.fullmatch(r"\d{1,15}", seq):
        raise ProblemError("invalid-request", "The form has an invalid value.")
    await run_in_threadpool(_accept, request, caller, course, lab_name, bulk, int(seq))
    return redirect(request, "/lab", course=course, lab=lab_name)


@router.post("/lab/undo")
async def undo(request: Request, caller: TaVisitor) -> Response:
    """Takes an acceptance of many back, except where someone has decided since."""
    form = await read_form(request)
    course, lab_name, bulk = (text(form, name) for name in ("course", "lab", "bulk"))
    await run_in_threadpool(_undo, request, caller, course, lab_name, bulk, text(form, "request"))
    return redirect(request, "/lab", course=course, lab=lab_name)


@router.post("/blind")
async def blind(request: Request, caller: TaVisitor) -> Response:
    """Hides the model's ratings from the visitor until they have chosen, or shows them again."""
    del caller
    form = await read_form(request)
    response = redirect(request, "/lab", course=text(form, "course"), lab=text(form, "lab"))
    wanted = "1" if text(form, "blind") == "1" else "0"
    framed, year = bool(request.state.session.frames), timedelta(days=365)
    header = cookie(BLIND, wanted, request.state.root or "/", year, secure=request.url.scheme == "https", framed=framed)
    response.headers.append("set-cookie", header)
    return response


def _list(request: Request, course: str, lab_name: str, chosen: Filter, page: int) -> dict[str, Any]:
    service = course_service(request, course)
    review = review_state(request).index.lab(course, lab_name)
    if not review.items and lab_name not in service.course.labs:
        raise ProblemError("not-found", "This course has no lab with this name.")
    hidden = hidden_for(request, review)
    rated = tas_ratings(request, service, lab_name) if chosen.show is Show.DIFFERS else None
    actor = request.state.caller.actor
    items = selected(review, chosen, hidden, rated, actor)
    pages = max(1, -(-len(items) // ROWS))
    page = min(page, pages)
    agreed, decided_blind = blind_agreement(review.visible_to(actor))
    return {
        "course": course,
        "lab": lab_name,
        "review": review,
        "tas": list(tas_of(service).values()),
        "second_open": sum(review.is_sealed(each, actor) for each in review.items.values()),
        "chosen": chosen,
        "shows": Show,
        "orders": Order,
        "rows": items[(page - 1) * ROWS : page * ROWS],
        "found": len(items),
        "page": page,
        "pages": pages,
        "hidden": hidden,
        "requests": RegradeRequests(service.store.database).open_counts(course).get(lab_name, 0),
        "waiting": sum(each.waiting for each in review.items.values()),
        "decided": sum(each.decided for each in review.items.values()),
        "criteria": sum(len(each.criteria) for each in review.items.values()),
        "acceptable": _acceptable(review, hidden),
        "bulks": active_steps(review, BULK),
        "agreed": agreed,
        "decided_blind": decided_blind,
        "blind": is_blind(request),
        "bulk_id": BULK + new_request_id(),
        "request_id": new_request_id(),
        "first": next(iter(items), None),
        "proposed": has_proposal(service.store, service.course.name, lab_name),
        "rateable": lab_place(service, lab_name) is not None,
    }


def _acceptable(review: LabReview, hidden: Hidden) -> list[tuple[ReviewItem, ReviewCriterion]]:
    """The criteria that the calibration accepted and no person has decided, without those to be rated blind."""
    return [
        (item, each)
        for item in review.items.values()
        for each in item.criteria
        if each.accepted and each.decision.rating is None and not hidden(item, each)
    ]


def _accept(request: Request, caller: Caller, course: str, lab_name: str, bulk: str, seq: int) -> None:
    service = course_service(request, course)
    review = review_state(request).index.lab(course, lab_name)
    if recorded_outcomes(review, bulk, caller.actor):
        return
    choices = [
        Choice(
            grade=item.grade,
            criterion=each.title,
            action=Action.ACCEPT,
            rating=each.rating,
            revision=item.revision(each),
        )
        for item, each in _acceptable(review, hidden_for(request, review))
        if item.revision(each) <= seq
    ]
    if choices:
        service.store.record_choices(choices, request=bulk, actor=caller.actor)


def _undo(request: Request, caller: Caller, course: str, lab_name: str, bulk: str, request_id: str) -> None:
    service = course_service(request, course)
    review = review_state(request).index.lab(course, lab_name)
    if choices := undo_choices(review, bulk):
        service.store.record_choices(choices, request=request_id, actor=caller.actor)
