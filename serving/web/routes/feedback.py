"""A student's page: the feedback on one grade, reached by a link, and regrade requests about its criteria."""

import re
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.authorization import limit_rate
from serving.api.schemas.problems import ProblemError, too_large
from serving.feedback.feedback import FeedbackOptions
from serving.feedback.html import fragment
from serving.feedback.stored import stored_feedback
from serving.store.access.student_links import StudentLink, StudentLinks
from serving.store.grades.regrade_records import RequestState
from serving.store.grades.regrade_requests import LIMITS, RegradeRequests
from serving.web.form_posts import PageRoute, form_hash, read_form, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.visitors import Pages

router = APIRouter(route_class=PageRoute)
REQUEST = re.compile(r"[\w-]{16,64}")
ACTOR = "student link"


@router.get("/feedback")
async def feedback(request: Request, service: Pages, link: str = "") -> Response:
    found = await run_in_threadpool(_find, request, service, link)
    context = await run_in_threadpool(_context, service, found)
    return render(request, "feedback.html", link=link, request_id=new_request_id(), **context)


@router.post("/feedback/requests")
async def submit(request: Request, service: Pages) -> Response:
    form = await read_form(request)
    link, why, request_id = (text(form, name) for name in ("link", "text", "request"))
    found = await run_in_threadpool(_find, request, service, link)
    if not why.strip() or not REQUEST.fullmatch(request_id):
        raise ProblemError("invalid-request", "Write why the rating should change.")
    if len(why) > LIMITS.text_chars:
        raise too_large("text", f"{len(why)} characters", LIMITS.text_chars, "characters")
    criterion = text(form, "criterion")
    request_id = f"{request_id}-{form_hash(criterion, why)}"
    await run_in_threadpool(_submit, service, found, criterion, why, request_id)
    return redirect(request, "/feedback", link=link)


def _find(request: Request, service: Pages, token: str) -> StudentLink:
    """Raises ProblemError for a link that is unknown or expired."""
    limit_rate(service, f"address {request.client.host if request.client else ''}")
    found = StudentLinks(service.store.database).find(token)
    if found is None:
        raise ProblemError("not-found", "The link has expired, or it is incomplete.")
    return found


def _submit(service: Pages, link: StudentLink, criterion: str, why: str, request_id: str) -> None:
    if _context(service, link)["document"] is None:
        raise ProblemError("not-found", "The feedback is not released yet.")
    requests = RegradeRequests(service.store.database)
    requests.submit(link.grade, criterion, why, request=request_id, actor=ACTOR)


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
