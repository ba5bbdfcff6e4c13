"""The first step of a launch, and the tool's key set."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from labs_schema.limits import LtiLimits
from serving.lti.launches.logins import StartedLogin
from serving.lti.platforms.platforms import origin
from serving.web.form_posts import read_form
from serving.web.lti.state import framed_by, in_frame, lti_state
from serving.web.rendering import page_url, render
from serving.web.sessions import cookie

router = APIRouter()
LIFETIME = timedelta(minutes=LtiLimits().login_minutes)
KEYS_SECONDS = 3600
PROBE = "grader_lti_probe"
"""A cookie without content that the page's script can read: whether this browser accepts cookies in this frame."""


@router.api_route("/login", methods=["GET", "POST"])
async def login(request: Request) -> Response:
    """Redirects to the platform's authorization address: directly in a window, in a frame after a test of cookies."""
    state = lti_state(request)
    form = await read_form(request) if request.method == "POST" else request.query_params
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    started = await run_in_threadpool(state.logins.start, given)
    response = _page(request, started, given) if in_frame(request) else RedirectResponse(started.url, 302)
    path = request.scope.get("root_path", "") or "/"
    response.headers.append(
        "set-cookie", cookie(started.login.key, started.secret, path, LIFETIME, secure=True, framed=True)
    )
    return response


def _page(request: Request, started: StartedLogin, given: dict[str, str]) -> Response:
    page = render(
        request,
        "lti_login.html",
        url=started.url,
        probe=PROBE,
        storage=started.login.storage_target,
        platform=origin(started.platform.authorization_url),
        key=started.login.key,
        secret=started.secret,
        again=page_url(request.url.path, **given),
        name=started.platform.name,
    )
    path = request.scope.get("root_path", "") or "/"
    page.headers.append("set-cookie", f"{PROBE}=1; Path={path}; SameSite=None; Secure; Partitioned")
    return framed_by(page, started.platform.frames)


@router.get("/jwks")
def key_set(request: Request) -> Response:
    """The public keys of the tool."""
    return JSONResponse(lti_state(request).keys.public_set(), headers={"Cache-Control": f"max-age={KEYS_SECONDS}"})
