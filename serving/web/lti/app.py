"""Assembles the LTI tool and mounts it into the service."""

from fastapi import Depends, FastAPI, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from labs_schema.errors import issue_texts
from serving.api.authorization import limit_rate
from serving.api.middleware.access_log import log_refusal
from serving.api.middleware.json_bodies import LTI_PATH, PAGES_PATH
from serving.api.service import Service
from serving.lti.errors import LtiError
from serving.web.error_pages import install_error_pages
from serving.web.lti import choices, launches, logins, registration
from serving.web.lti.state import LtiOptions, LtiState
from serving.web.rendering import render
from serving.web.security_headers import SecurityHeaders
from serving.web.sessions import new_session

STATUS = {
    "lti-login": 400,
    "lti-target": 400,
    "lti-state": 400,
    "lti-token-malformed": 400,
    "lti-choice": 400,
    "lti-platform-keys": 502,
    "lti-registration-refused": 502,
    "lti-keys": 503,
}
"""Code -> HTTP status; 403 for all others."""


def mount_lti(app: FastAPI, options: LtiOptions) -> FastAPI:
    """Adds the tool below `/lti` to a service that has the pages."""
    service: Service = app.state.service
    lti = FastAPI(title="grader LTI tool", docs_url=None, redoc_url=None, openapi_url=None)
    lti.state.service, lti.state.lti = service, LtiState(service, options)
    install_error_pages(lti)
    lti.add_exception_handler(LtiError, _refused)
    lti.add_middleware(PagesRoot)
    lti.add_middleware(SecurityHeaders)
    for each in (logins, launches, choices, registration):
        lti.include_router(each.router, dependencies=[Depends(_limited)])
    app.mount(LTI_PATH, lti)
    return lti


def _limited(request: Request) -> None:
    """A dependency of every route: an address may not send more than a key may. Raises ProblemError."""
    limit_rate(request)


class PagesRoot:
    """ASGI middleware: what templates need of a session, and the path of the pages. No cookie of theirs is read.

    Pages of errors may be in every frame: they have no content, and a browser shows nothing else of a refused launch.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root = str(scope.get("root_path", "")).removesuffix(LTI_PATH)
            scope.setdefault("state", {}).update(session=new_session(frames=("*",)), root=f"{root}{PAGES_PATH}")
        await self.app(scope, receive, send)


async def _refused(request: Request, error: Exception) -> Response:
    """The page states the reason in general; what was found is in the log only."""
    if not isinstance(error, LtiError):
        raise error
    log_refusal(error.code, str(error))
    texts = issue_texts()[error.code]
    shown = {"meaning": texts["meaning"], "hint": texts.get("hint", "")}
    return render(request, "lti_refused.html", STATUS.get(error.code, 403), code=error.code, **shown)
