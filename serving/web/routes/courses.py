"""The start page: the courses that the visitor may see, and their labs."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.api.authorization import Caller
from serving.api.service import Service
from serving.courses.errors import UnknownCourseError
from serving.web.form_posts import PageRoute
from serving.web.rendering import render
from serving.web.visitors import Pages, TaVisitor, visible_courses

router = APIRouter(route_class=PageRoute)


@router.get("/")
async def courses(request: Request, service: Pages, caller: TaVisitor) -> Response:
    found = await run_in_threadpool(_courses, service, caller)
    return render(request, "courses.html", courses=found)


def _courses(service: Service, caller: Caller) -> dict[str, tuple[str, ...]]:
    """Course -> labs, by name."""
    found = {}
    for name in visible_courses(service, caller):
        try:
            found[name] = tuple(service.courses.course(name).labs)
        except UnknownCourseError:  # removed meanwhile
            continue
    return found
