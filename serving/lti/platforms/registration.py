"""Dynamic registration (LTI Dynamic Registration 1.0): a platform and the tool exchange their addresses by themselves.

Only with a link that an administrator of this service made: it works once.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import insert, select, update

from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.lti.platforms.platforms import Platform, PlatformDetails, Platforms, origin
from serving.lti.tool import CUSTOM, NAME, SCOPES, Tool
from serving.outbound.client import OutboundClient, decoded
from serving.outbound.errors import OutboundFailedError, OutboundRefusedError, OutboundTooLargeError
from serving.outbound.policy import OutboundPolicy
from serving.store.access.keys import hash_token
from serving.store.ledger import Ledger, audited_transaction, timestamp
from serving.store.platforms.lti_tables import lti_registration_tokens
from serving.store.store import Store

LIMITS = LtiLimits()
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
Text = Annotated[str, Field(min_length=1, max_length=LIMITS.text_chars)]


class PlatformConfiguration(BaseModel):
    """The published metadata of a platform (OpenID Connect Discovery)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: Text
    authorization_endpoint: Text
    token_endpoint: Text
    jwks_uri: Text
    registration_endpoint: Text
    authorization_server: Text | None = None
    scopes_supported: list[str] = []
    platform: dict[str, Any] = Field({}, alias=PLATFORM_CONFIGURATION)


class RegistrationLinks:
    """The one-time tokens of registration links. The store holds only their hashes."""

    def __init__(self, store: Store, actor: str = "lti") -> None:
        self._database, self._actor = store.database, actor

    def create(self) -> str:
        token = secrets.token_urlsafe(32)
        until = timestamp(self._database.now() + timedelta(hours=LIMITS.registration_hours))
        with audited_transaction(self._database) as ledger:
            row = {"token_hash": hash_token(token), "created_at": ledger.at, "expires_at": until}
            ledger.connection.execute(insert(lti_registration_tokens).values(row))
            self._note(ledger, token)
        return token

    def use(self, token: str) -> None:
        """Uses a token up. Raises LtiError (`lti-registration-token`) unless it is unused and valid."""
        links = lti_registration_tokens.c
        with audited_transaction(self._database) as ledger:
            usable = (links.token_hash == hash_token(token)) & links.used_at.is_(None) & (links.expires_at > ledger.at)
            used = ledger.connection.execute(update(lti_registration_tokens).where(usable).values(used_at=ledger.at))
            if used.rowcount != 1:
                raise LtiError("The token is unknown, used or expired.", code="lti-registration-token")
            self._note(ledger, token)

    def release(self, token: str) -> None:
        """Called after a failed registration: the link works again."""
        same = lti_registration_tokens.c.token_hash == hash_token(token)
        with audited_transaction(self._database) as ledger:
            ledger.connection.execute(update(lti_registration_tokens).where(same).values(used_at=None))
            self._note(ledger, token)

    def _note(self, ledger: Ledger, token: str) -> None:
        links = lti_registration_tokens.c
        query = select(links.token_hash, links.expires_at, links.used_at).where(links.token_hash == hash_token(token))
        ledger.append("lti-registration-link", self._actor, {**ledger.connection.execute(query).one()._mapping})


def register_with(
    tool: Tool, platforms: Platforms, policy: OutboundPolicy, configuration_url: str, registration_token: str
) -> Platform:
    """Registers the tool at a platform, and the platform here.

    Raises LtiError: `lti-registration-refused`, `lti-registration`.
    """
    with OutboundClient(policy) as client:
        configuration = _configuration(_answer(client, "GET", configuration_url), configuration_url)
        bearer = {"Authorization": f"Bearer {registration_token}"} if registration_token else {}
        body = tool_registration(tool, configuration.scopes_supported)
        made = _answer(client, "POST", configuration.registration_endpoint, headers=bearer, json=body)
    client_id, own = made.get("client_id"), made.get(TOOL_CONFIGURATION)
    deployment = own.get("deployment_id") if isinstance(own, dict) else None
    if not isinstance(client_id, str) or not isinstance(deployment, str | int | None):
        raise _refused("its answer has no client_id, or a malformed deployment_id")
    details = PlatformDetails(
        name=_name(configuration),
        issuer=configuration.issuer,
        client_id=client_id,
        authorization_url=configuration.authorization_endpoint,
        token_url=configuration.token_endpoint,
        keys_url=configuration.jwks_uri,
        token_audience=configuration.authorization_server or "",
        deployments=() if deployment is None else (str(deployment),),
    )
    return platforms.register(details, policy)


def tool_registration(tool: Tool, scopes: list[str]) -> dict[str, Any]:
    """The tool's metadata for a platform: section 3.5 of the specification. `scopes`: those it offers."""
    wanted = [each for each in SCOPES if each in scopes or not scopes]
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": tool.login_url,
        "redirect_uris": [tool.launch_url],
        "client_name": NAME,
        "jwks_uri": tool.keys_url,
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(wanted),
        TOOL_CONFIGURATION: {
            "domain": urlsplit(tool.url).netloc,
            "target_link_uri": tool.launch_url,
            "custom_parameters": CUSTOM,
            "claims": ["iss", "sub", "name", "email"],
            "messages": [
                {"type": "LtiResourceLinkRequest"},
                {"type": "LtiDeepLinkingRequest", "target_link_uri": tool.launch_url, "label": NAME},
            ],
        },
    }


def _configuration(document: Mapping[str, Any], url: str) -> PlatformConfiguration:
    """Its issuer must be of the host that publishes it, and over https: a platform speaks for itself only."""
    try:
        found = PlatformConfiguration.model_validate(document)
    except ValidationError as error:
        names = ", ".join(str(each["loc"][0]) for each in error.errors())
        raise _refused(f"its configuration has no usable {names}") from None
    if origin(found.issuer) is None or origin(found.issuer) != origin(url):
        raise _refused("its issuer does not have the host of openid_configuration")
    return found


def _name(configuration: PlatformConfiguration) -> str:
    family = configuration.platform.get("product_family_code")
    host = urlsplit(configuration.issuer).netloc
    return f"{family} {host}" if isinstance(family, str) and family.isprintable() and len(family) < 40 else host


def _answer(client: OutboundClient, method: str, url: str, **content: Any) -> Mapping[str, Any]:
    try:
        response = client.request(method, url, max_bytes=LIMITS.key_set_bytes, **content)
    except (OutboundRefusedError, OutboundFailedError, OutboundTooLargeError) as error:
        raise _refused(f"{error}") from error
    found = decoded(response)
    if response.status_code not in (200, 201) or not isinstance(found, dict):
        raise _refused(f"it answered a {method} with HTTP {response.status_code}, or not with a JSON object")
    return found


def _refused(why: str) -> LtiError:
    return LtiError(f"The registration failed: {why}.", code="lti-registration-refused")
