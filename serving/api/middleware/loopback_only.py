"""Loopback-only access for a service without keys, with Host and Origin checks.

A web page open on this machine also sends its requests from here (CSRF), and DNS rebinding lets it use a name of its
own; browsers put the page's site in `Origin` and the name in `Host`. A reverse proxy on this machine passes on other
machines' requests and marks them as forwarded.
"""

import re
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.schemas.problems import ProblemError, problem_response

FORWARDED = re.compile(r"forwarded|via|x-forwarded-.+|x-real-ip")
"""Headers that reverse proxies add. nginx adds none unless its configuration does."""


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine only."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def is_local_request(headers: Headers) -> bool:
    """Whether a request was sent to this machine's own name, by no page of another site, through no proxy."""
    if any(map(FORWARDED.fullmatch, headers.keys())):
        return False
    sites = [f"//{host}" for host in headers.getlist("host") if host] + headers.getlist("origin")
    return all(is_loopback(_hostname(site)) for site in sites)


def _hostname(site: str) -> str:
    with suppress(ValueError):
        return urlsplit(site).hostname or ""
    return ""


class LoopbackOnly:
    """ASGI middleware for a service without keys: 403 for everything but local requests."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_local_request(Headers(scope=scope)):
            detail = "This service has no API keys, so it answers only requests to localhost."
            return await problem_response(ProblemError("loopback-only", detail))(scope, receive, send)
        return await self.app(scope, receive, send)
