"""The second step of a launch: the platform posts the signed token, and the browser goes to the page it is for."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from serving.lti.errors import LtiError
from serving.lti.launches.launches import Launch
from serving.lti.launches.logins import Login
from serving.lti.platforms.platforms import Platform, origin
from serving.lti.tokens import Ticket
from serving.web.form_posts import SentForm, text
from serving.web.lti.arrivals import Arrival, arrive
from serving.web.lti.state import LtiState, framed_by, in_frame, lti_state, require_own_page
from serving.web.rendering import render
from serving.web.sessions import new_session

router = APIRouter()


@router.post("/launch")
def launch(request: Request, form: SentForm) -> Response:
    """Raises LtiError with the reason of a refusal."""
    state = lti_state(request)
    if not state.service.keyed:
        raise LtiError("The store has no API key.", code="lti-without-keys")
    if error := text(form, "error"):
        known = error if error.isascii() and error.replace("_", "").isalpha() else "an unknown error"
        raise LtiError(f"The platform's error is {known[:80]}.", code="lti-platform-error")
    login = state.logins.read(text(form, "state"))
    platform = state.platforms.read(login.platform)
    by_cookie = login.is_from(request.cookies.get(login.key, ""))
    if not by_cookie and not _stored_by_platform(request, login, form):
        if login.storage_target and "secret" not in form:
            return _ask_platform(request, platform, login, form)
        raise LtiError("The browser does not have the login's secret.", code="lti-other-browser")
    verified = state.verifier.verify(text(form, "id_token"), platform, login)
    response = _respond(request, state, verified, arrive(state, verified), by_cookie=by_cookie)
    path = request.scope.get("root_path", "") or "/"
    response.headers.append(
        "set-cookie", f"{login.key}=; Path={path}; Max-Age=0; HttpOnly; SameSite=None; Secure; Partitioned"
    )
    return response


@router.get("/launch")
def opened_directly() -> Response:
    """People copy the address into their browsers, and reload the page after a launch."""
    raise LtiError("The launch address was opened without a launch.", code="lti-login")


@router.post("/window")
def window(request: Request, form: SentForm) -> Response:
    """A launch from a frame without cookies, in a window of its own."""
    state = lti_state(request)
    require_own_page(request.headers)
    ticket = state.signed.use_ticket(text(form, "ticket"))
    return _enter(request, state, ticket.key, ticket.path, frames=())


def _stored_by_platform(request: Request, login: Login, form: FormData) -> bool:
    """Whether the tool's own page got the secret from the platform's storage. Another site may know a secret of its
    own login, and must not bring it into this browser."""
    if not login.storage_target or not text(form, "secret"):
        return False
    require_own_page(request.headers)
    return login.is_from(text(form, "secret"))


def _ask_platform(request: Request, platform: Platform, login: Login, form: FormData) -> Response:
    page = render(
        request,
        "lti_storage.html",
        id_token=text(form, "id_token"),
        state=text(form, "state"),
        storage=login.storage_target,
        platform=origin(platform.authorization_url),
        key=login.key,
    )
    return framed_by(page, platform.frames)


def _respond(request: Request, state: LtiState, launch: Launch, arrival: Arrival, *, by_cookie: bool) -> Response:
    frames = launch.platform.frames
    if arrival.template:
        return framed_by(render(request, arrival.template, **arrival.context), frames)
    if by_cookie:
        return _enter(request, state, arrival.key, arrival.path, frames=frames if in_frame(request) else ())
    ticket = state.signed.sign(Ticket(key=arrival.key, path=arrival.path))
    return framed_by(render(request, "lti_window.html", ticket=ticket), frames)


def _enter(request: Request, state: LtiState, key: str, path: str, *, frames: tuple[str, ...]) -> Response:
    """A new session, whatever the browser had before: no one else knows its tokens."""
    response = RedirectResponse(request.state.root + path, 303)
    session = new_session(key, frames)
    secure = request.url.scheme == "https"
    response.headers.append("set-cookie", state.sessions.cookie(session, request.state.root, secure))
    return response
