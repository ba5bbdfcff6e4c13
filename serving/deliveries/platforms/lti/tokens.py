"""Access tokens for the services of an LTI platform: client credentials with a signed assertion (RFC 7523)."""

import time
from collections.abc import Callable
from secrets import token_hex
from typing import Any

from labs_schema.frozen import Frozen
from serving.deliveries.errors import DeliveryError
from serving.outbound.client import OutboundClient, decoded

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
MARGIN_SECONDS = 60
"""A token is replaced this long before it expires, so that it does not expire on its way."""
SHORTEST_SECONDS, DEFAULT_SECONDS = 30, 3600
_CODES = {"invalid_client": "platform-token", "invalid_scope": "platform-permission"}
Sign = Callable[[dict[str, Any]], str]
"""Claims -> a token (JWT) that is signed with the tool's key and names it."""


class ServiceAccess(Frozen):
    """The registration of the tool. `audience` is `aud` of token requests."""

    client_id: str
    token_url: str
    audience: str


class ServiceTokens:
    """Requests tokens and caches each one until it expires. `scopes` are all scopes that are needed."""

    def __init__(self, client: OutboundClient, access: ServiceAccess, sign: Sign, scopes: tuple[str, ...]) -> None:
        self._client, self._access, self._sign, self._scopes = client, access, sign, scopes
        self._token, self._until = "", 0.0

    def token(self) -> str:
        """Raises DeliveryError, and the errors of OutboundClient."""
        if time.monotonic() >= self._until:
            self._token, seconds = self._request()
            self._until = time.monotonic() + max(seconds - MARGIN_SECONDS, SHORTEST_SECONDS)
        return self._token

    def forget(self) -> None:
        """The platform refused the token although it has not expired."""
        self._until = 0.0

    def _request(self) -> tuple[str, float]:
        now = int(time.time())
        claims = {"iss": self._access.client_id, "sub": self._access.client_id, "aud": self._access.audience}
        times = {"iat": now, "exp": now + ASSERTION_SECONDS, "jti": token_hex(16)}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._sign({**claims, **times}),
            "scope": " ".join(self._scopes),
        }
        response = self._client.request("POST", self._access.token_url, data=form)
        document = decoded(response)
        found = document if isinstance(document, dict) else {}
        if response.status_code not in (200, 201) or not isinstance(found.get("access_token"), str):
            raise _refused(response.status_code, str(found.get("error") or ""), response.text)
        self._check_scopes(found)
        stated = found.get("expires_in")
        return found["access_token"], float(stated) if isinstance(stated, int | float) else DEFAULT_SECONDS

    def _check_scopes(self, found: dict[str, Any]) -> None:
        """A platform may grant fewer scopes than requested; without a list it granted all of them."""
        granted = str(found.get("scope") or " ".join(self._scopes)).split()
        if missing := [each for each in self._scopes if each not in granted]:
            names = ", ".join(each.rsplit("/", 1)[-1] for each in missing)
            raise DeliveryError("platform-permission", f"The platform did not grant the tool: {names}.")


def _refused(status: int, error: str, text: str) -> DeliveryError:
    if status == 429:
        code = "platform-busy"
    elif status >= 500:
        code = "platform-unavailable"
    else:
        code = _CODES.get(error, "platform-token" if status in (400, 401, 403) else "platform-unexpected")
    return DeliveryError(code, f"The platform gave no access token (status {status}).", platform_text=text)
