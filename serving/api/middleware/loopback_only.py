"""Who is on this machine. A web page that is open here is not: its requests come from here, and name another site.

A page names its site in `Origin`, and in `Host` where it had its own name lead to this machine (DNS rebinding).
"""

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.schemas.problems import ProblemError, answer


def loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine alone."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def from_a_page_elsewhere(headers: Headers) -> bool:
    """Whether a request was meant for another name than this machine's, or sent by a page of another."""
    sites = [f"//{host}" for host in headers.getlist("host") if host] + headers.getlist("origin")
    return not all(loopback(_host(site)) for site in sites)


def _host(site: str) -> str:
    with suppress(ValueError):
        return urlsplit(site).hostname or ""
    return ""


class LoopbackOnly:
    """ASGI middleware, for a service that asks for no keys: 403 to pages of other sites."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and from_a_page_elsewhere(Headers(scope=scope)):
            detail = "Without keys, only this machine is answered: ask for localhost, or make one: grader keys create."
            return await answer(ProblemError(403, "other-site", detail))(scope, receive, send)
        return await self.app(scope, receive, send)
