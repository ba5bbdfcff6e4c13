"""Comment snippets of a course: a TA's own and shared ones. They are inserted on the page of a submission."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.limits import PageLimits
from serving.api.schemas.problems import ProblemError, too_large
from serving.review.team.snippets import Snippets
from serving.store.access.roles import Role
from serving.web.form_posts import PageRoute, form_hash, read_form, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
Name = Annotated[str, Query(max_length=500)]
MOST = PageLimits().snippet_chars


@router.get("/snippets")
async def snippets(request: Request, caller: TaVisitor, course: Name) -> Response:
    service = await run_in_threadpool(course_service, request, course)
    found = await run_in_threadpool(Snippets(service.store.database).of, course, caller.actor)
    names = {each.id: each.name for each in await run_in_threadpool(service.store.list_keys)}
    return render(
        request, "snippets.html", course=course, snippets=found, names=names, most=MOST, request_id=new_request_id()
    )


@router.post("/snippets")
async def add(request: Request, caller: TaVisitor) -> Response:
    form = await read_form(request)
    course, words, request_id = text(form, "course"), text(form, "text").strip(), text(form, "request")
    if not words or not re.fullmatch(r"[\w-]{16,64}", request_id):
        raise ProblemError("invalid-request", "A snippet must have a text.")
    if len(words) > MOST:
        raise too_large("text", f"{len(words)} characters", MOST, "characters")
    service = await run_in_threadpool(course_service, request, course)
    shared = text(form, "shared") == "1"
    request_id = f"{request_id}-{form_hash(words, shared)}"

    def add() -> bool:
        snippets = Snippets(service.store.database)
        return snippets.add(course, words, shared=shared, request=request_id, actor=caller.actor)

    if not await run_in_threadpool(add):
        raise ProblemError("too-many-snippets", f"There are {PageLimits().snippets} snippets.")
    return redirect(request, "/snippets", course=course)


@router.post("/snippets/{snippet}/remove")
async def remove(request: Request, caller: TaVisitor, snippet: str) -> Response:
    """A TA removes what they wrote, an admin any shared one too."""
    course = text(await read_form(request), "course")
    service = await run_in_threadpool(course_service, request, course)

    def removed() -> None:
        everyone = caller.role is Role.ADMIN
        Snippets(service.store.database).remove(course, snippet, any_of_course=everyone, actor=caller.actor)

    await run_in_threadpool(removed)
    return redirect(request, "/snippets", course=course)
