"""Forms: only those that a page of this service sent, with the token of the visitor's session (CSRF)."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import FormData, Headers

from labs_schema.limits import PageLimits, RequestLimits
from serving.api.middleware.body_limit import is_upload
from serving.api.schemas.problems import ProblemError, too_large

CSRF = "csrf"
"""The hidden field with the token."""


class PageRoute(APIRoute):
    """The route class of every page. A POST is checked before the route's function runs."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            try:
                if request.method != "GET":
                    await _check(request)
                return await handle(request)
            finally:
                await request.close()  # the temporary files of uploads

        return checked


async def read_form(request: Request) -> FormData:
    """The form of a POST; Starlette reads it once. Raises HTTPException (400) for a malformed or too large one."""
    limits = PageLimits()
    return await request.form(
        max_fields=limits.form_fields, max_files=limits.form_files, max_part_size=RequestLimits().body_bytes
    )


SentForm = Annotated[FormData, Depends(read_form)]
"""The parameter of a route that gets the form of a POST."""


def text(form: FormData, name: str) -> str:
    """The text of a field, with line feeds only; empty if it is missing or a file."""
    value = form.get(name)
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else ""


def limited_text(form: FormData, name: str, most: int) -> str:
    """The text of a field without surrounding space. Raises ProblemError (413) for more than `most` characters."""
    if len(found := text(form, name).strip()) > most:
        raise too_large(name, f"{len(found)} characters", most, "characters")
    return found


def sent_number(form: FormData, name: str) -> int:
    """The number of an audit entry in a hidden field. Raises ProblemError for anything else."""
    if not re.fullmatch(r"\d{1,15}", text(form, name)):
        raise wrong_form()
    return int(text(form, name))


def sent_request(form: FormData, *chosen: Any, prefix: str = "") -> str:
    """The id of a form: the same if it is sent again, another one if its page is used again for something else.

    `chosen`: everything that the visitor chose or typed, as JSON types. Raises ProblemError for an id that no page
    made.
    """
    request_id = text(form, "request")
    if not re.fullmatch(rf"{prefix}[\w-]{{16,64}}", request_id):
        raise wrong_form()
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
    return f"{request_id}-{digest[:16]}" if chosen else request_id


def wrong_form() -> ProblemError:
    return ProblemError("invalid-request", "The form has an invalid value.")


async def _check(request: Request) -> None:
    if not is_same_site(request.headers):
        raise ProblemError("cross-site-request", "The form was sent from a page of another site.")
    if is_upload(request.scope) and request.app.state.service.keyed and not request.state.session.key:
        raise ProblemError("sign-in-required", "Your session has ended.")  # before a large body is stored
    sent = text(await read_form(request), CSRF)
    session = request.state.session
    if not hmac.compare_digest(sent.encode("utf-8", "replace"), session.csrf.encode()):
        if not session.key and request.app.state.service.keyed:
            raise ProblemError("sign-in-required", "Your session has ended.")
        raise ProblemError("csrf-token-invalid", "The form is from another session.")


def is_same_site(headers: Headers) -> bool:
    """Browsers send both headers with a POST. Without them there is still the token."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc == headers.get("host", "")  # the scheme may end at a proxy
    except ValueError:
        return False
