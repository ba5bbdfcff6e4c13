"""Verifies the token of a launch (1EdTech Security Framework 1.0, section 5.1.3)."""

from datetime import timedelta
from typing import Any, NamedTuple

import jwt

from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.lti.keys import ALGORITHM
from serving.lti.launches.claims import Claims, read_claims
from serving.lti.launches.logins import Login
from serving.lti.platforms.platform_keys import PlatformKeys
from serving.lti.platforms.platforms import Platform
from serving.lti.single_use import use_once
from serving.lti.tool import Tool
from serving.store.database import Database

LIMITS = LtiLimits()
REFUSALS: tuple[tuple[type[jwt.PyJWTError], str, str], ...] = (
    (jwt.InvalidSignatureError, "lti-token-signature", "The signature is not of this key."),
    (jwt.ExpiredSignatureError, "lti-token-expired", "exp is in the past."),
    (jwt.ImmatureSignatureError, "lti-token-early", "iat or nbf is in the future."),
    (jwt.InvalidIssuerError, "lti-issuer", "iss is not the platform of this login."),
    (jwt.InvalidAudienceError, "lti-audience", "aud is not the tool's client id."),
    (jwt.MissingRequiredClaimError, "lti-claim-missing", "A claim of OIDC is missing."),
)
"""PyJWT's error, the code, and what is wrong. Their texts are not used: they may quote the token."""


class Launch(NamedTuple):
    platform: Platform
    claims: Claims


class LaunchVerifier:
    """Thread-safe."""

    def __init__(self, database: Database, keys: PlatformKeys, tool: Tool) -> None:
        self._database, self._keys, self._tool = database, keys, tool

    def verify(self, token: str, platform: Platform, login: Login) -> Launch:
        """The launch in `token`, which answers `login`. Uses its nonce up. Blocks: it may fetch the platform's keys.

        Raises LtiError with the reason of the refusal, StoreError.
        """
        payload = self._payload(token, platform)
        _check_azp(payload, platform.client_id)
        if payload["nonce"] != login.nonce:
            raise LtiError("nonce is not the one of the login.", code="lti-nonce")
        claims = read_claims(payload)
        if claims.deployment not in platform.deployments:
            raise LtiError("deployment_id is not registered.", code="lti-deployment")
        if claims.target is not None and not self._tool.is_target(claims.target):
            raise LtiError("target_link_uri is not an address of this tool.", code="lti-target")
        # Longer than any state is valid; without a state no nonce is.
        use_once(self._database, "nonce", login.nonce, timedelta(minutes=2 * LIMITS.login_minutes))
        return Launch(platform, claims)

    def _payload(self, token: str, platform: Platform) -> dict[str, Any]:
        key = self._keys.find(platform.keys_url, _key_id(token))
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=platform.client_id,
                issuer=platform.issuer,
                leeway=LIMITS.clock_skew_seconds,
                options={"require": ["iss", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            for kind, code, reason in REFUSALS:
                if isinstance(error, kind):
                    raise LtiError(reason, code=code) from None
            raise LtiError("The token is malformed.", code="lti-token-malformed") from None
        except (ValueError, TypeError, OverflowError, RecursionError):  # `Infinity` as a time, nesting without an end
            raise LtiError("The token is malformed.", code="lti-token-malformed") from None
        return payload


def _key_id(token: str) -> str:
    """The `kid` of a token with an acceptable header. No address in a header is ever used (`jku`, `x5u`)."""
    if len(token) > LIMITS.token_chars:
        raise LtiError(f"The token has more than {LIMITS.token_chars:,} characters.", code="lti-token-malformed")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise LtiError("The token is malformed.", code="lti-token-malformed") from None
    if header.get("alg") != ALGORITHM:
        raise LtiError(f"alg is not {ALGORITHM}.", code="lti-token-algorithm")
    if "crit" in header:
        raise LtiError("The token requires an extension.", code="lti-token-malformed")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise LtiError("The token has no kid.", code="lti-token-key")
    return kid


def _check_azp(payload: dict[str, Any], client_id: str) -> None:
    """A token for several audiences must name its purpose: the tool."""
    several = isinstance(payload["aud"], list) and len(payload["aud"]) > 1
    if payload.get("azp", None if several else client_id) != client_id:
        raise LtiError("azp is not the tool's client id.", code="lti-audience")
