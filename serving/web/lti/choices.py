"""Deep linking: a teacher chooses the lab of a new link, and the answer goes back to the platform."""

from fastapi import APIRouter, Request, Response

from labs_schema.models import Lab
from serving.lti.errors import LtiError
from serving.lti.launches.deep_linking import link_item, response_token
from serving.lti.platforms.platforms import Platform, origin
from serving.lti.tokens import Choice
from serving.web.form_posts import SentForm, text
from serving.web.lti.arrivals import course_labs
from serving.web.lti.state import LtiState, framed_by, lti_state, require_own_page
from serving.web.rendering import render

router = APIRouter()


@router.post("/choose")
def choose(request: Request, form: SentForm) -> Response:
    """The page that posts the answer to the platform. Without a lab, the selection is cancelled."""
    state = lti_state(request)
    require_own_page(request.headers)
    choice = state.signed.read_choice(text(form, "choice"))
    lab = text(form, "lab") if text(form, "act") != "cancel" else ""
    token, platform = _answer(state, choice, lab)
    page = render(request, "lti_return.html", url=choice.return_url, token=token, lab=lab)
    return framed_by(page, platform.frames, forms=" ".join({*platform.frames, str(origin(choice.return_url))}))


def _answer(state: LtiState, choice: Choice, lab: str) -> tuple[str, Platform]:
    """Raises LtiError: `lti-access-revoked`, `lti-choice` for an unknown lab, and those of a removed platform."""
    platform = state.platforms.read(choice.platform)
    if state.service.store.read_active_key(choice.key) is None:
        raise LtiError(f"Key {choice.key} was revoked.", code="lti-access-revoked")
    if lab and lab not in course_labs(state, choice.course):
        raise LtiError("The course has no such lab.", code="lti-choice")
    found = _lab(state, choice.course, lab) if lab else None
    items = [link_item(state.tool, lab, found, with_line_item=choice.with_line_item)] if lab else []
    return response_token(choice, platform, items, state.keys), platform


def _lab(state: LtiState, course: str, name: str) -> Lab | None:
    """The registered lab, else the lab of its newest grade."""
    if course in state.service.courses.names() and (found := state.service.courses.course(course).labs.get(name)):
        return found
    graded = state.service.reviews.lab(course, name).items.values()
    newest = max(graded, key=lambda each: each.seq, default=None)
    return state.service.store.read_history(newest.grade).lab if newest else None
