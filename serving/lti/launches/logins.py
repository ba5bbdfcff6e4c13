"""The first step of a launch: a platform asks the tool to start an OpenID Connect login.

The state is signed and holds what the second step needs, so that a login writes nothing. It is bound to the browser by
a secret, of which the state has the hash: a launch that was started in another browser is refused (login CSRF).
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import NamedTuple

import httpx
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from pydantic import ValidationError

from labs_schema.frozen import Frozen
from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.lti.platforms.platforms import Platform, Platforms
from serving.lti.tool import Tool

LIMITS = LtiLimits()


class Login(Frozen):
    """A login that was started, as the state holds it. `platform` is its id, `browser` the hash of the secret.

    `storage_target`: the frame of the platform that stores the secret for browsers without cookies; empty if none does.
    """

    platform: str
    nonce: str
    browser: str
    storage_target: str = ""

    @property
    def key(self) -> str:
        """The name under which the browser has the secret: one for each login, as a page may start several at once."""
        return f"grader_lti_{self.browser[:16]}"

    def is_from(self, secret: str) -> bool:
        return hmac.compare_digest(_hash(secret), self.browser)


class StartedLogin(NamedTuple):
    """`secret` is for the browser only; `url` is where it goes next."""

    platform: Platform
    login: Login
    secret: str
    url: str


class Logins:
    """`key` signs the states: that of the sessions, which all processes of a service have."""

    def __init__(self, platforms: Platforms, tool: Tool, key: bytes) -> None:
        self._platforms, self._tool = platforms, tool
        self._signer = URLSafeTimedSerializer(key, salt="lti-state")

    def start(self, given: Mapping[str, str]) -> StartedLogin:
        """Raises LtiError: `lti-login`, `lti-target`, and those of `Platforms.find`."""
        for name in ("iss", "login_hint", "target_link_uri"):
            if not given.get(name):
                raise LtiError(f"The login has no {name}.", code="lti-login")
        if any(len(value) > LIMITS.text_chars for value in given.values()):
            raise LtiError("A value of the login is too long.", code="lti-login")
        if not self._tool.is_target(given["target_link_uri"]):
            raise LtiError("target_link_uri is not an address of this tool.", code="lti-target")
        platform = self._platforms.find(given["iss"], given.get("client_id") or None)
        secret = secrets.token_urlsafe(32)
        login = Login(
            platform=platform.id,
            nonce=secrets.token_urlsafe(32),
            browser=_hash(secret),
            storage_target=given.get("lti_storage_target", "")[: LIMITS.id_chars],
        )
        return StartedLogin(platform, login, secret, self._authorization_url(platform, login, given))

    def read(self, state: str) -> Login:
        """Raises LtiError (`lti-state`) for a state that is not of this service, or has expired."""
        try:
            return Login.model_validate(self._signer.loads(state, max_age=int(60 * LIMITS.login_minutes)))
        except SignatureExpired:
            raise LtiError("The login took too long.", code="lti-state") from None
        except (BadSignature, ValidationError):
            raise LtiError("The state is missing or was not made here.", code="lti-state") from None

    def _authorization_url(self, platform: Platform, login: Login, given: Mapping[str, str]) -> str:
        query = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": self._tool.launch_url,
            "state": str(self._signer.dumps(login.model_dump())),
            "nonce": login.nonce,
            "login_hint": given["login_hint"],
        }
        if hint := given.get("lti_message_hint"):
            query["lti_message_hint"] = hint
        return str(httpx.URL(platform.authorization_url).copy_merge_params(query))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
