"""Signing in with an API key or a one-time link, and signing out."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from serving.api.authorization import check_role, identify, limit_rate
from serving.api.schemas.problems import ProblemError
from serving.store.access.roles import Role
from serving.web.form_posts import PageRoute, SentForm, text
from serving.web.rendering import redirect, render
from serving.web.sessions import new_session
from serving.web.visitors import Pages

router = APIRouter(route_class=PageRoute)


@router.get("/sign-in")
def sign_in_page(request: Request, service: Pages, next: str = "", link: str = "") -> Response:
    """A link is used by the button, not by opening it: mail programs open links to check them."""
    if not service.keyed:
        return _to(request, next)
    return render(request, "sign_in.html", next=next, link=link, wrong=False)


@router.post("/sign-in")
def sign_in(request: Request, service: Pages, form: SentForm) -> Response:
    limit_rate(request)
    next_, link = text(form, "next"), text(form, "link")
    token = text(form, "key").strip()
    key = service.store.use_link(link) if link else service.store.find_key(token)
    if key is None and link:
        raise ProblemError("link-unusable", "The link was used before, has expired, or its key was revoked.")
    if key is None:
        return render(request, "sign_in.html", 401, next=next_, link="", wrong=True)
    check_role(identify(service, key), Role.TA)
    request.state.session = new_session(key.id)
    return _to(request, next_)


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    request.state.session = new_session(frames=request.state.session.frames)
    return redirect(request, "/sign-in")


def _to(request: Request, next_: str) -> Response:
    """Redirects only to a page of this service, because `next` may be forged."""
    root = request.state.root
    try:
        url = urlsplit(next_)
    except ValueError:
        return redirect(request, "/")
    same_site = url.netloc in ("", request.headers.get("host", "")) and url.scheme in ("", "http", "https")
    if not same_site or not url.path.startswith(f"{root}/") or "\\" in next_ or "//" in url.path:
        return redirect(request, "/")
    return RedirectResponse(url.path + (f"?{url.query}" if url.query else ""), status_code=303)
