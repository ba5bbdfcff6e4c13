"""The statistics of a lab: agreement of people and model, with and without its rating in view, and time."""

from fastapi import APIRouter, Request, Response

from serving.review.statistics import statistics
from serving.review.team.second_markings import ta_agreement
from serving.web.form_posts import PageRoute
from serving.web.rendering import render
from serving.web.review_state import open_lab, review_state
from serving.web.team import key_names
from serving.web.visitors import Name, TaVisitor

router = APIRouter(route_class=PageRoute)


@router.get("/statistics")
def show_statistics(request: Request, caller: TaVisitor, course: Name, lab: Name) -> Response:
    service, review = open_lab(request, course, lab)
    context = {
        "found": statistics(review.visible_to(caller.actor)),
        "share_blind": review_state(request).blind_share,
        "tas": ta_agreement(review, caller.actor),
        "names": key_names(service),
    }
    return render(request, "statistics.html", course=course, lab=lab, **context)
