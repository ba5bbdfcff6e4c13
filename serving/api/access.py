"""Who may call a route: one of the three kinds of dependency here says so; `unclassified` finds routes without.

A key comes as `Authorization: Bearer grader_...`. A service whose store never had a key is open to whoever reaches it.
"""

from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from labs_schema.frozen import Frozen
from serving.api.problems import ProblemError
from serving.api.service import Served, Service
from serving.store.roles import Role

RANKS = (Role.PLATFORM, Role.TA, Role.ADMIN)
"""Each may do what those before it may."""

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="A key that `grader keys create` made.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


class Caller(Frozen):
    """`actor` is for the audit log: the key's id, or `anyone` where the service is open."""

    actor: str
    role: Role


class Needs:
    """A dependency: the caller, who is at least a `role` of this course and does not call too often."""

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request, service: Served, credentials: Credentials) -> Caller:
        token = credentials.credentials if credentials else None
        caller = await _caller(service, token, request.client.host if request.client else "")
        if RANKS.index(caller.role) < RANKS.index(self.role):
            raise ProblemError(403, "not-allowed", f"This needs a key of the role {self.role}, not {caller.role}.")
        return caller


class Operator:
    """A dependency: an admin, or whoever is on this machine. A proxy on it stands for others, so it needs the key."""

    async def __call__(self, request: Request, service: Served, credentials: Credentials) -> None:
        proxied = {"forwarded", "x-forwarded-for"} & set(request.headers.keys())
        if proxied or not (request.client and loopback(request.client.host)):
            await Needs(Role.ADMIN)(request, service, credentials)


class Public:
    """A dependency that asks for nothing."""

    def __call__(self) -> None: ...


async def _caller(service: Service, token: str | None, address: str) -> Caller:
    if not service.keyed:
        _not_too_often(service, f"address {address}")
        return Caller(actor="anyone", role=Role.ADMIN)
    key = await run_in_threadpool(service.store.key, token) if token else None
    _not_too_often(service, f"key {key.id}" if key else f"address {address}")
    if key is None:
        detail = "Send a key that is in force as Authorization: Bearer grader_..."
        raise ProblemError(401, "no-key", detail, headers={"WWW-Authenticate": "Bearer"})
    if not key.opens(service.course):
        raise ProblemError(403, "other-course", "This key is for another course than the one that is served here.")
    return Caller(actor=key.id, role=key.role)


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


def loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine alone."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def unclassified(app: FastAPI) -> list[str]:
    """The paths of routes that do not say who may call them."""
    return [getattr(route, "path", repr(route)) for route in app.routes if not _classified(route)]


def _classified(route: object) -> bool:
    if not isinstance(route, APIRoute):
        return False
    return any(isinstance(needed.call, Needs | Operator | Public) for needed in route.dependant.dependencies)
