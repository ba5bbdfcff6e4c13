"""Dynamic registration: a platform's administrator opens the registration link, and confirms."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.lti.platforms.platforms import Platform, origin
from serving.lti.platforms.registration import RegistrationLinks, register_with
from serving.web.form_posts import SentForm, text
from serving.web.lti.state import LtiState, framed_by, lti_state, require_own_page
from serving.web.rendering import render

router = APIRouter()
Text = Annotated[str, Query(max_length=LtiLimits().text_chars)]


@router.get("/register")
def confirm(
    request: Request, token: Text = "", openid_configuration: Text = "", registration_token: Text = ""
) -> Response:
    """Opening the link changes nothing; its button registers."""
    issuer = origin(openid_configuration)
    if not token or issuer is None:
        raise LtiError("The link has no token, or no openid_configuration.", code="lti-registration-token")
    fields = {"token": token, "openid_configuration": openid_configuration, "registration_token": registration_token}
    return framed_by(render(request, "lti_register.html", issuer=issuer, fields=fields), (issuer,))


@router.post("/register")
def register(request: Request, form: SentForm) -> Response:
    state = lti_state(request)
    require_own_page(request.headers)
    token, url, bearer = (text(form, name) for name in ("token", "openid_configuration", "registration_token"))
    platform = _register(state, token, url, bearer)
    page = render(request, "lti_registered.html", platform=platform, opener=origin(url))
    return framed_by(page, platform.frames)


def _register(state: LtiState, token: str, url: str, bearer: str) -> Platform:
    links = RegistrationLinks(state.service.store)
    links.use(token)
    try:
        return register_with(state.tool, state.platforms, state.policy, url, bearer)
    except BaseException:
        links.release(token)
        raise
