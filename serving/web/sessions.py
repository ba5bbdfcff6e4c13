"""Sessions in signed cookies. The cookie names an API key by its id; the key is looked up at every request."""

import secrets
from contextlib import suppress
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie

from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from labs_schema.frozen import Frozen
from labs_schema.limits import PageLimits

COOKIE = "grader_session"
LIFETIME = timedelta(hours=PageLimits().session_hours)


class Session(Frozen):
    """`key`: the id of the API key that the visitor signed in with; empty before. `csrf`: the token of its forms.

    `frames`: the origins of pages that may show this session's pages in a frame (LTI); empty: none may.
    """

    key: str = ""
    csrf: str
    frames: tuple[str, ...] = ()


def new_session(key: str = "", frames: tuple[str, ...] = ()) -> Session:
    """A session with a new token: signing in changes it, so that a token from before opens nothing."""
    return Session(key=key, csrf=secrets.token_urlsafe(24), frames=frames)


class Sessions:
    """Writes sessions into cookies and reads them. `key` signs them."""

    def __init__(self, key: bytes, lifetime: timedelta) -> None:
        self._signer, self._lifetime = URLSafeTimedSerializer(key, salt="session"), lifetime

    def read(self, headers: list[str]) -> Session | None:
        """The session in the Cookie headers, unless it is forged or has ended."""
        with suppress(BadSignature, CookieError, ValidationError, KeyError):
            value = SimpleCookie("; ".join(headers))[COOKIE].value
            return Session.model_validate(self._signer.loads(value, max_age=int(self._lifetime.total_seconds())))
        return None

    def cookie(self, session: Session, path: str, secure: bool) -> str:
        value = str(self._signer.dumps(session.model_dump()))
        return cookie(COOKIE, value, path, self._lifetime, secure=secure, framed=bool(session.frames))


def cookie(name: str, value: str, path: str, lifetime: timedelta, *, secure: bool, framed: bool) -> str:
    """A Set-Cookie header for a cookie that scripts cannot read.

    Lax: a link in a message opens the page signed in. Forms of other sites are refused by `form_posts`. In a frame of
    another site, browsers accept only a cookie that is for all sites (None), and store it for this site only
    (Partitioned, https://www.ietf.org/archive/id/draft-cutler-httpbis-partitioned-cookies-01.html).
    """
    given = [f"{name}={value}", f"Path={path}", f"Max-Age={int(lifetime.total_seconds())}", "HttpOnly"]
    if framed:
        return "; ".join([*given, "SameSite=None", "Secure", "Partitioned"])
    return "; ".join([*given, "SameSite=Lax", *(["Secure"] if secure else [])])


class SessionCookies:
    """ASGI middleware: reads the session into `request.state.session`, and sets the cookie if a route replaced it.

    Also sets `request.state.root`, the path of the pages: a mount inside of them changes `root_path`.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self.app, self._sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        state = scope.setdefault("state", {})
        found = self._sessions.read(Headers(scope=scope).getlist("cookie"))
        state["session"] = found or new_session()
        state["root"] = root = scope.get("root_path", "")
        # A style sheet may be cached for everyone, so it must not carry anyone's cookie.
        static = str(scope["path"]).startswith(f"{root}/static/")

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and state["session"] is not found and not static:
                header = self._sessions.cookie(state["session"], root or "/", secure=scope["scheme"] == "https")
                MutableHeaders(scope=message).append("set-cookie", header)
            await send(message)

        return await self.app(scope, receive, send_with_cookie)
