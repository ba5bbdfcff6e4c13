"""The state of the LTI tool, and helpers that its routes share."""

from dataclasses import dataclass
from functools import partial

from fastapi import Request, Response
from starlette.datastructures import Headers

from serving.api.service import Service
from serving.lti.errors import LtiError
from serving.lti.keys import ToolKeys
from serving.lti.launches.launches import LaunchVerifier
from serving.lti.launches.links import Links
from serving.lti.launches.logins import Logins
from serving.lti.launches.people import People
from serving.lti.platforms.courses import PlatformCourses
from serving.lti.platforms.platform_keys import PlatformKeys
from serving.lti.platforms.platforms import Platforms
from serving.lti.tokens import Signed
from serving.lti.tool import Tool
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy
from serving.web.form_posts import is_same_site
from serving.web.security_headers import content_policy
from serving.web.sessions import LIFETIME, Sessions

FRAMES = frozenset({"iframe", "frame"})
"""Values of Sec-Fetch-Dest for a page in a frame (https://www.w3.org/TR/fetch-metadata/)."""


@dataclass(frozen=True)
class LtiOptions:
    """`session_key`: as for the pages. `policy`: of requests to platforms."""

    tool: Tool
    keys: ToolKeys
    session_key: bytes
    policy: OutboundPolicy


class LtiState:
    def __init__(self, service: Service, options: LtiOptions) -> None:
        store, key = service.store, options.session_key
        self.service, self.tool, self.keys, self.policy = service, options.tool, options.keys, options.policy
        self.platforms, self.courses = Platforms(store), PlatformCourses(store)
        self.links, self.people = Links(store.database), People(store.database)
        self.logins = Logins(self.platforms, self.tool, key)
        platform_keys = PlatformKeys(partial(OutboundClient, options.policy))
        self.verifier = LaunchVerifier(store.database, platform_keys, self.tool)
        self.signed, self.sessions = Signed(key, store.database), Sessions(key, LIFETIME)


def lti_state(request: Request) -> LtiState:
    state: LtiState = request.app.state.lti
    return state


def in_frame(request: Request) -> bool:
    return request.headers.get("sec-fetch-dest") in FRAMES


def framed_by(response: Response, frames: tuple[str, ...], *, forms: str = "'self'") -> Response:
    """Lets the pages of the origins `frames` show the response in a frame. `forms`: where its forms may be sent."""
    sources = {"frame_ancestors": " ".join(frames) or "'none'", "form_action": forms}
    response.headers["Content-Security-Policy"] = content_policy(**sources)
    return response


def require_own_page(headers: Headers) -> None:
    """A form of the tool's own page: these forms carry their own secret, but only this browser may send it.

    Raises LtiError (`lti-other-browser`) for a form of another site, and for one whose origin is not stated.
    """
    stated = "origin" in headers or "sec-fetch-site" in headers
    if not stated or not is_same_site(headers):
        raise LtiError("The form was sent from another site.", code="lti-other-browser")
