"""The visitor of a page: the same `Caller` as for an API key in the header, from the key of the session.

Without keys in the store the pages are open to local clients, as the API is.
"""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from serving.api.authorization import Caller, check_role, identify, limit_rate, with_course
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.store.access.roles import Role


class Visits:
    """A dependency: a signed-in visitor with at least this role, within the rate limit.

    Afterwards `request.state.caller` is the visitor. Raises ProblemError: `sign-in-required`, `insufficient-role`.
    """

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Caller:
        service, key_id = page_service(request), request.state.session.key
        key = await run_in_threadpool(service.store.read_active_key, key_id) if key_id and service.keyed else None
        limit_rate(request, key)
        if service.keyed and key is None:
            raise ProblemError("sign-in-required", "Your session has ended, or you are not signed in.")
        caller = identify(service, key)
        check_role(caller, self.role)
        request.state.caller, request.state.name = caller, key.name if key else ""
        return caller


def page_service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def course_service(request: Request, course: str) -> Service:
    """The service for a course that the visitor may see. Raises ProblemError. Blocks."""
    query: Mapping[str, str] = {"course": course}
    return with_course(page_service(request), request.state.caller, query)


def visible_courses(service: Service, caller: Caller) -> tuple[str, ...]:
    """The served courses that the visitor may see. Blocks."""
    return tuple(name for name in service.courses.names() if caller.course in (None, name))


ta = Depends(Visits(Role.TA))
admin = Depends(Visits(Role.ADMIN))
Pages = Annotated[Service, Depends(page_service)]
TaVisitor = Annotated[Caller, ta]
AdminVisitor = Annotated[Caller, admin]
Name = Annotated[str, Query(max_length=500)]
"""The name of a course or a lab, or a grade's id, in a URL."""
PageNumber = Annotated[int, Query(ge=1, le=10**6)]
