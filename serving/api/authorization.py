"""Authorization of routes: each has one of the three dependencies defined here.

A key is sent as `Authorization: Bearer grader_...`. Without keys in the store, every request is granted full access.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, params
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.concurrency import run_in_threadpool

from labs_schema.errors import did_you_mean
from labs_schema.frozen import Frozen
from serving.api.middleware.loopback_only import is_local_request, is_loopback
from serving.api.schemas.problems import FieldProblem, ProblemError, excerpt
from serving.api.service import Service
from serving.courses.errors import UnknownCourseError
from serving.store.access.keys import ApiKey
from serving.store.access.roles import Role

RANKS = (Role.PLATFORM, Role.TA, Role.ADMIN)
"""Each role includes the ones before it."""

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key, created by `grader keys create`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
"""Only for the OpenAPI description; the key itself is read before the body."""


class Caller(Frozen):
    """`actor` is for the audit log: the key's id, or `anyone` without keys. `course`: None for an all-courses key."""

    actor: str
    role: Role
    course: str | None = None


class Requires:
    """A dependency: a caller with at least this role in the course, within the rate limit.

    Afterwards `request.state.service` is the service with the caller's course.
    """

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request, _: Credentials = None) -> Caller:
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            return await self.authorize(request)
        check_role(caller, self.role)  # another dependency of the route identified the caller
        return caller

    async def authorize(self, request: Request) -> Caller:
        service: Service = request.app.state.service
        caller = await _caller(self.role, request)
        request.state.service = await run_in_threadpool(with_course, service, caller, request.query_params)
        request.state.caller = caller
        return caller


class RequiresOperator:
    """A dependency: an admin of all served courses, or a local client without a key.

    A reverse proxy on this machine forwards other machines' requests, so a forwarded request needs the key.
    """

    async def __call__(self, request: Request, _: Credentials = None) -> None:
        if request.client and is_loopback(request.client.host) and is_local_request(request.headers):
            return
        service: Service = request.app.state.service
        caller = await _caller(Role.ADMIN, request)
        if caller.course is not None and await run_in_threadpool(service.courses.names) != (caller.course,):
            raise ProblemError("wrong-course", "This endpoint covers all courses; use an all-courses key.")


class Public:
    """A dependency that requires nothing."""

    def __call__(self) -> None: ...


class AuthorizedRoute(APIRoute):
    """Authorizes before the body is read, so that unauthenticated clients cannot make the service parse or store it.

    FastAPI itself parses the body before it calls dependencies.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def authorized(request: Request) -> Response:
            for dependency in self.dependant.dependencies:
                if isinstance(dependency.call, Requires) and not hasattr(request.state, "caller"):
                    await dependency.call.authorize(request)
            return await handle(request)

        return authorized


def api_router(access: params.Depends, tag: str, route_class: type[AuthorizedRoute] = AuthorizedRoute) -> APIRouter:
    """Routes whose operation ids are the names of their functions, which generated clients have too."""
    return APIRouter(
        dependencies=[access], route_class=route_class, tags=[tag], generate_unique_id_function=lambda route: route.name
    )


def still_authorized(service: Service, request: Request) -> bool:
    """Whether the key of an open stream is still valid and its course still served."""
    if not service.keyed:
        return True
    return service.store.find_key(_token(request)) is not None and service.course.name in service.courses.names()


async def _caller(role: Role, request: Request) -> Caller:
    service: Service = request.app.state.service
    token = _token(request)
    key = await run_in_threadpool(service.store.find_key, token) if token and service.keyed else None
    limit_rate(request, key)
    caller = identify(service, key)
    check_role(caller, role)
    return caller


def check_role(caller: Caller, role: Role) -> None:
    if RANKS.index(caller.role) < RANKS.index(role):
        raise ProblemError("insufficient-role", f"This requires a key with the role {role}, not {caller.role}.")


def identify(service: Service, key: ApiKey | None) -> Caller:
    if not service.keyed:
        return Caller(actor="anyone", role=Role.ADMIN)
    if key is None:
        detail = "The request has no API key, or a key that is unknown or revoked."
        raise ProblemError("invalid-key", detail, headers={"WWW-Authenticate": "Bearer"})
    return Caller(actor=key.id, role=key.role, course=key.course)


def limit_rate(request: Request, key: ApiKey | None = None) -> None:
    """Raises ProblemError if the key, or without one the client's address, sends too many requests."""
    caller = f"key {key.id}" if key else f"address {request.client.host if request.client else ''}"
    if seconds := request.app.state.service.rate_limiter.wait_seconds(caller):
        raise ProblemError("rate-limited", f"Retry after {seconds} s.", retry_after=seconds)


def with_course(service: Service, caller: Caller, query: Any) -> Service:
    """The service for the key's course; with an all-courses key, for `?course=` or the only course that is served."""
    requested: str | None = query.get("course")
    if caller.course is None:
        names = service.courses.names()
        name = requested if requested is not None or len(names) != 1 else names[0]
        if name is None or name not in names:
            found = "nothing" if name is None else excerpt(name)
            expected = f"one of {', '.join(names) or 'no course'}"
            hint = "Add ?course=NAME with one of them." + did_you_mean(name or "", names)
            wrong = FieldProblem(field="course", found=found, expected=expected, hint=hint)
            raise ProblemError("course-required", "Several courses are served, or not this one.", [wrong])
        return service.for_course(service.courses.course(name))
    try:
        if requested in (None, caller.course):
            return service.for_course(service.courses.course(caller.course))
    except UnknownCourseError:
        pass
    raise ProblemError("wrong-course", "This key is not valid for the requested course, or it is no longer served.")


def _token(request: Request) -> str:
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    return token if scheme.lower() == "bearer" else ""


public = Depends(Public())
operator = Depends(RequiresOperator())
platform = Depends(Requires(Role.PLATFORM))
ta = Depends(Requires(Role.TA))
admin = Depends(Requires(Role.ADMIN))
PlatformCaller = Annotated[Caller, platform]
TaCaller = Annotated[Caller, ta]
AdminCaller = Annotated[Caller, admin]
