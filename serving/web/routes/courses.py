"""The start page: the courses that the visitor may see, and the progress of their labs."""

from typing import Any

from fastapi import APIRouter, Request, Response

from serving.api.authorization import Caller
from serving.courses.errors import UnknownCourseError
from serving.review.statistics import blind_agreement
from serving.store.grades.regrade_requests import RegradeRequests
from serving.web.form_posts import PageRoute
from serving.web.rendering import render
from serving.web.review_state import review_state
from serving.web.visitors import TaVisitor, page_service, visible_courses

router = APIRouter(route_class=PageRoute)


@router.get("/")
def courses(request: Request, caller: TaVisitor) -> Response:
    creatable = page_service(request).courses.folders()
    return render(request, "courses.html", courses=_courses(request, caller), creatable=creatable)


def _courses(request: Request, caller: Caller) -> dict[str, list[dict[str, Any]]]:
    """Course -> its labs: those with grades, and those that are registered."""
    service, index, found = page_service(request), review_state(request).index, {}
    for name in visible_courses(service, caller):
        try:
            registered = service.courses.course(name).labs
        except UnknownCourseError:  # removed since
            continue
        labs = sorted({*index.labs(name), *registered})
        requests = RegradeRequests(service.store.database).open_counts(name)
        folders = service.courses.course(name).labs.folders
        found[name] = [
            {**_lab(request, name, lab), "editable": lab in folders, "requests": requests.get(lab, 0)} for lab in labs
        ]
    return found


def _lab(request: Request, course: str, lab: str) -> dict[str, Any]:
    review = review_state(request).index.lab(course, lab)
    agreed, blind = blind_agreement(review.visible_to(request.state.caller.actor))
    return {
        "name": lab,
        "submissions": len(review.items),
        "ungraded": sum(not each.program for each in review.items.values()),
        "criteria": sum(len(each.criteria) for each in review.items.values()),
        "waiting": sum(each.waiting for each in review.items.values()),
        "agreed": agreed,
        "blind": blind,
    }
