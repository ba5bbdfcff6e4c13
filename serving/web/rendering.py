"""Renders templates. Text is escaped, and `visible` shows invisible characters of hostile text."""

import hashlib
import secrets
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from serving.web.form_posts import CSRF
from serving.web.source_code import visible

STATIC = Path(str(files("serving.web"))) / "static"


def render(request: Request, template: str, status: int = 200, /, **context: Any) -> HTMLResponse:
    """`context` adds to `root` (the path of the pages), `csrf_field`, `caller` and `path`."""
    session = request.state.session
    shared = {
        "root": request.state.root,
        "path": request.url.path,
        "caller": getattr(request.state, "caller", None),
        "signed_in": bool(session.key) and not session.frames,  # a frame's visitor is the one of the platform
        "name": getattr(request.state, "name", ""),
        "csrf_field": Markup('<input type="hidden" name="{}" value="{}">').format(CSRF, session.csrf),
    }
    return HTMLResponse(_environment().get_template(template).render(shared | context), status)


def redirect(request: Request, path: str, **query: object) -> RedirectResponse:
    """Redirects to a path below the pages' root with GET, so that a reload does not post again."""
    return RedirectResponse(request.state.root + page_url(path, **query), status_code=303)


def page_url(path: str, **query: object) -> str:
    """A path with a query; values that are None are left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def page_of(items: Sequence[Any], page: int, rows: int) -> dict[str, Any]:
    """The context of a list of which each page has `rows`; the last page for a higher number."""
    pages = max(1, -(-len(items) // rows))
    page = min(page, pages)
    return {"rows": items[(page - 1) * rows : page * rows], "page": page, "pages": pages}


def new_request_id() -> str:
    """The value of the hidden field that makes sending a form twice harmless."""
    return secrets.token_urlsafe(18)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(visible=visible, count="{:,}".format, percent="{:.0%}".format)
    environment.globals.update(page_url=page_url, versions=_static_versions())
    return environment


def _static_versions() -> dict[str, str]:
    """File name -> a part of its hash, so that browsers fetch a changed file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in STATIC.iterdir()}
