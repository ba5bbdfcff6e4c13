"""Who may call a route: one of the three kinds of dependency here says so; `unclassified` finds routes without.

A key comes as `Authorization: Bearer grader_...`. A service whose store never had a key is open to whoever reaches it.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.concurrency import run_in_threadpool

from labs_schema.frozen import Frozen
from serving.api.middleware.loopback_only import from_a_page_elsewhere, loopback
from serving.api.schemas.problems import FieldProblem, ProblemError, excerpt
from serving.api.service import Service, Whole
from serving.courses.errors import UnknownCourseError
from serving.store.keys import ApiKey
from serving.store.roles import Role

RANKS = (Role.PLATFORM, Role.TA, Role.ADMIN)
"""Each may do what those before it may."""

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="A key that `grader keys create` made.")
Asked = Annotated[str | None, Query(alias="course", include_in_schema=False, max_length=300)]
"""For who may use several courses: `?course=cs101`. A key of one course needs none."""
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


class Caller(Frozen):
    """`actor` is for the audit log: the key's id, or `anyone` where the service is open. `course`: the only one that
    the key opens, None for all."""

    actor: str
    role: Role
    course: str | None = None


class Needs:
    """A dependency: the caller, who is at least a `role` of the course and does not call too often. From then on the
    request sees the service as that course does."""

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(
        self, request: Request, service: Whole, credentials: Credentials, course: Asked = None
    ) -> Caller:
        caller = await _entitled(self.role, request, service, credentials)
        request.state.service = await run_in_threadpool(_of_course, service, caller, course)
        return caller


class Operator:
    """A dependency: an admin of all that is served, or whoever is on this machine. A proxy on it stands for others, so
    it needs the key."""

    async def __call__(self, request: Request, service: Whole, credentials: Credentials) -> None:
        proxied = {"forwarded", "x-forwarded-for"} & set(request.headers.keys())
        here = request.client and loopback(request.client.host) and not from_a_page_elsewhere(request.headers)
        if proxied or not here:
            caller = await _entitled(Role.ADMIN, request, service, credentials)
            if caller.course is not None and await run_in_threadpool(service.courses.names) != (caller.course,):
                raise ProblemError(403, "other-course", "This tells of other courses too; it needs a key of all.")


class Public:
    """A dependency that asks for nothing."""

    def __call__(self) -> None: ...


def still_entitled(service: Service, request: Request) -> bool:
    """Whether the key of a request that is being answered for long is still in force, and its course still served."""
    if not service.keyed:
        return True
    token = get_authorization_scheme_param(request.headers.get("authorization"))[1]
    return service.store.find_key(token) is not None and service.course in service.courses.names()


async def _entitled(role: Role, request: Request, service: Service, credentials: Credentials) -> Caller:
    token = credentials.credentials if credentials else None
    key = await _key(request, service, token)
    caller = _caller(service, key, request.client.host if request.client else "")
    if RANKS.index(caller.role) < RANKS.index(role):
        raise ProblemError(403, "not-allowed", f"This needs a key of the role {role}, not {caller.role}.")
    return caller


def _of_course(service: Service, caller: Caller, asked: str | None) -> Service:
    """The service as the caller's course sees it: the key's, else the one `asked` for, else the only one there is."""
    if caller.course is None:
        names = service.courses.names()
        name = asked if asked is not None or len(names) != 1 else names[0]
        if name is None or name not in names:
            found = "nothing" if name is None else excerpt(name)
            wrong = FieldProblem(field="course", found=found, expected=f"one of {', '.join(names) or 'no course'}")
            raise ProblemError(422, "which-course", "Say which course is meant, as in ?course=NAME.", [wrong])
        return service.of(service.courses.course(name))
    try:
        if asked in (None, caller.course):
            return service.of(service.courses.course(caller.course))
    except UnknownCourseError:
        pass
    raise ProblemError(403, "other-course", "This key is for another course than is served here, or asked for.")


async def _key(request: Request, service: Service, token: str | None) -> ApiKey | None:
    """That of `token`, which `AuthBeforeBody` may have looked up already."""
    found: ApiKey | None = getattr(request.state, "key", None)
    return found or (await run_in_threadpool(service.store.find_key, token) if token and service.keyed else None)


def _caller(service: Service, key: ApiKey | None, address: str) -> Caller:
    if not service.keyed:
        _not_too_often(service, f"address {address}")
        return Caller(actor="anyone", role=Role.ADMIN)
    _not_too_often(service, f"key {key.id}" if key else f"address {address}")
    if key is None:
        detail = "Send a key that is in force as Authorization: Bearer grader_..."
        raise ProblemError(401, "no-key", detail, headers={"WWW-Authenticate": "Bearer"})
    return Caller(actor=key.id, role=key.role, course=key.course)


def _not_too_often(service: Service, who: str) -> None:
    if seconds := service.rate.wait(who):
        detail = f"Too many requests; come again in {seconds} s."
        raise ProblemError(429, "too-often", detail, headers={"Retry-After": str(seconds)})


public = Depends(Public())
operator = Depends(Operator())
platform = Depends(Needs(Role.PLATFORM))
ta = Depends(Needs(Role.TA))
Platform = Annotated[Caller, platform]
Ta = Annotated[Caller, ta]


def unclassified(app: FastAPI) -> list[str]:
    """The paths of routes that do not say who may call them."""
    return [getattr(route, "path", repr(route)) for route in app.routes if not _classified(route)]


def _classified(route: object) -> bool:
    if not isinstance(route, APIRoute):
        return False
    return any(isinstance(needed.call, Needs | Operator | Public) for needed in route.dependant.dependencies)
