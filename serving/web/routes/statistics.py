"""The statistics of a lab: agreement of people and model, with and without its rating in view, and time."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.review.statistics import statistics
from serving.review.team.second_markings import ta_agreement
from serving.web.form_posts import PageRoute
from serving.web.rendering import render
from serving.web.review_state import review_state
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
Name = Annotated[str, Query(max_length=500)]


@router.get("/statistics")
async def show_statistics(request: Request, caller: TaVisitor, course: Name, lab: Name) -> Response:
    del caller
    return render(request, "statistics.html", **await run_in_threadpool(_statistics, request, course, lab))


def _statistics(request: Request, course: str, lab: str) -> dict[str, Any]:
    service = course_service(request, course)
    state = review_state(request)
    review = state.index.lab(course, lab)
    actor = request.state.caller.actor
    return {
        "course": course,
        "lab": lab,
        "found": statistics(review.visible_to(actor)),
        "share_blind": state.blind_share,
        "tas": ta_agreement(review, actor),
        "names": {each.id: each.name for each in service.store.list_keys()},
    }
