"""The statistics of a lab: agreement of people and model, with and without its rating in view, and time."""

from fastapi import APIRouter, Request, Response

from serving.review.statistics import statistics
from serving.review.team.second_markings import ta_agreement
from serving.web.form_posts import PageRoute
from serving.web.review_state import OpenLab, review_state
from serving.web.team import key_names
from serving.web.visitors import ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])


@router.get("/statistics")
def show_statistics(request: Request, opened: OpenLab) -> Response:
    return opened.render(
        "statistics.html",
        found=statistics(opened.visible),
        share_blind=review_state(request).blind_share,
        tas=ta_agreement(opened.review, opened.actor),
        names=key_names(opened.service),
    )
