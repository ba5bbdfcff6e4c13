"""A student's page: the feedback on one grade, reached by a link, and regrade requests about its criteria."""

from typing import Any

from fastapi import APIRouter, Request, Response

from serving.api.authorization import limit_rate
from serving.api.schemas.problems import ProblemError
from serving.feedback.feedback import FeedbackOptions, stored_feedback
from serving.feedback.html import fragment
from serving.store.access.student_links import StudentLink, StudentLinks
from serving.store.grades.regrade_records import RequestState
from serving.store.grades.regrade_requests import LIMITS, RegradeRequests
from serving.web.form_posts import PageRoute, SentForm, limited_text, sent_request, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.visitors import Pages

router = APIRouter(route_class=PageRoute)
ACTOR = "student link"


@router.get("/feedback")
def feedback(request: Request, service: Pages, link: str = "") -> Response:
    context = _context(service, _find(request, service, link))
    return render(request, "feedback.html", link=link, request_id=new_request_id(), **context)


@router.post("/feedback/requests")
def submit(request: Request, service: Pages, form: SentForm) -> Response:
    link, criterion, why = text(form, "link"), text(form, "criterion"), limited_text(form, "text", LIMITS.text_chars)
    found = _find(request, service, link)
    if not why:
        raise ProblemError("invalid-request", "Write why the rating should change.")
    if _context(service, found)["document"] is None:
        raise ProblemError("not-found", "The feedback is not released yet.")
    requests, request_id = RegradeRequests(service.store.database), sent_request(form, criterion, why)
    requests.submit(found.grade, criterion, why, request=request_id, actor=ACTOR)
    return redirect(request, "/feedback", link=link)


def _find(request: Request, service: Pages, token: str) -> StudentLink:
    """Raises ProblemError for a link that is unknown or expired."""
    limit_rate(request)
    found = StudentLinks(service.store.database).find(token)
    if found is None:
        raise ProblemError("not-found", "The link has expired, or it is incomplete.")
    return found


def _context(service: Pages, link: StudentLink) -> dict[str, Any]:
    """`document` is None until the feedback is released. `open_criteria` can be objected to."""
    options = FeedbackOptions(include_review=link.include_review, probabilities=link.probabilities)
    found = stored_feedback(service.store, link.grade, options)
    made = RegradeRequests(service.store.database).of_grade(link.grade)
    waiting = {each.criterion for each in made if each.state is RequestState.OPEN}
    counts = [each.criterion for each in made]
    titles = [each.title for each in found.criteria] if found else []
    return {
        "document": fragment(found) if found else None,
        "requests": made if found else [],
        "open_criteria": [t for t in titles if t not in waiting and counts.count(t) < LIMITS.per_criterion],
        "most": LIMITS.text_chars,
    }
