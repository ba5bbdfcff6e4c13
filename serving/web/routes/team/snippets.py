"""Comment snippets of a course: a TA's own and shared ones. They are inserted on the page of a submission."""

from fastapi import APIRouter, Request, Response

from labs_schema.limits import PageLimits
from serving.api.schemas.problems import ProblemError
from serving.review.team.snippets import Snippets
from serving.store.access.roles import Role
from serving.web.form_posts import PageRoute, SentForm, limited_text, sent_request, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.team import key_names
from serving.web.visitors import Name, TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
MOST = PageLimits().snippet_chars


@router.get("/snippets")
def snippets(request: Request, caller: TaVisitor, course: Name) -> Response:
    service = course_service(request, course)
    context = {"snippets": Snippets(service.store.database).of(course, caller.actor), "names": key_names(service)}
    return render(request, "snippets.html", course=course, most=MOST, request_id=new_request_id(), **context)


@router.post("/snippets")
def add(request: Request, caller: TaVisitor, form: SentForm) -> Response:
    course, words, shared = text(form, "course"), limited_text(form, "text", MOST), text(form, "shared") == "1"
    request_id = sent_request(form, words, shared)
    if not words:
        raise ProblemError("invalid-request", "A snippet must have a text.")
    store = Snippets(course_service(request, course).store.database)
    if not store.add(course, words, shared=shared, request=request_id, actor=caller.actor):
        raise ProblemError("too-many-snippets", f"There are {PageLimits().snippets} snippets.")
    return redirect(request, "/snippets", course=course)


@router.post("/snippets/{snippet}/remove")
def remove(request: Request, caller: TaVisitor, snippet: str, form: SentForm) -> Response:
    """A TA removes what they wrote, an admin any shared one too."""
    course = text(form, "course")
    store = Snippets(course_service(request, course).store.database)
    store.remove(course, snippet, any_of_course=caller.role is Role.ADMIN, actor=caller.actor)
    return redirect(request, "/snippets", course=course)
