"""The platforms that may launch the tool, with the addresses of their services."""

import re
import secrets
from collections.abc import Iterable
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field
from sqlalchemy import Connection, delete, insert, select, update

from labs_schema.errors import quoted
from labs_schema.frozen import Frozen
from labs_schema.limits import LtiLimits
from serving.lti.access import revoke_lost_access
from serving.lti.errors import LtiError
from serving.outbound.errors import OutboundRefusedError
from serving.outbound.policy import OutboundPolicy
from serving.store.ledger import Ledger, audited_transaction, printable_name
from serving.store.platforms.lti_tables import lti_deployments, lti_platforms
from serving.store.store import Store
from serving.store.verification.lti_rows import platform_version

FRAME_ORIGIN = re.compile(r"https?://(?:\*\.)?[a-zA-Z0-9.-]+(?::\d{1,5})?")
"""A source of `frame-ancestors`: CSP 3, section 2.3.1, without paths."""
URLS = ("authorization_url", "token_url", "keys_url")


class StudentIdKind(StrEnum):
    """Which claim of a launch is the id under which the lab has the student. Never a name.

    `email-name` is the part of the e-mail address before the @: only where students cannot choose their address.
    """

    CUSTOM = "custom"
    SIS = "sis"
    USERNAME = "username"
    EMAIL = "email"
    EMAIL_NAME = "email-name"
    USER = "user"


class PlatformDetails(Frozen):
    """A registration. `client_id`: the platform's id of this tool. `keys_url`: the platform's key set (JWKS).

    `token_audience`: `aud` of token requests, usually the token URL. `frame_origins`: pages that may show the tool in a
    frame, besides those of issuer and authorization URL.
    """

    name: str
    issuer: str
    client_id: str
    authorization_url: str
    token_url: str
    keys_url: str
    token_audience: str = ""
    frame_origins: tuple[str, ...] = ()
    student_id: StudentIdKind = StudentIdKind.CUSTOM
    deployments: tuple[str, ...] = Field((), description="Ids of the deployments that may launch the tool.")


class Platform(PlatformDetails):
    id: str
    at: str

    @property
    def frames(self) -> tuple[str, ...]:
        """The origins of pages that may show the tool in a frame."""
        own = (origin(self.issuer), origin(self.authorization_url))
        return tuple(dict.fromkeys(filter(None, (*self.frame_origins, *own))))


class Platforms:
    """`actor` is who changes them, for the audit log. All methods raise StoreError."""

    def __init__(self, store: Store, actor: str = "lti") -> None:
        self._database, self._actor = store.database, actor

    def register(self, details: PlatformDetails, policy: OutboundPolicy) -> Platform:
        """Adds a platform, or replaces the one with the same issuer and client id.

        Raises LtiError (`lti-registration`) for unusable details.
        """
        checked = _checked(details, policy)
        values: dict[str, Any] = checked.model_dump(exclude={"deployments"})
        values |= {"frame_origins": " ".join(checked.frame_origins), "student_id": checked.student_id.value}
        values |= {"token_audience": checked.token_audience or checked.token_url, "removed_at": None}
        same = (lti_platforms.c.issuer == checked.issuer) & (lti_platforms.c.client_id == checked.client_id)
        with audited_transaction(self._database) as ledger:
            known = ledger.connection.execute(select(lti_platforms.c.id).where(same)).scalar_one_or_none()
            identifier = known or secrets.token_hex(4)
            values |= {"id": identifier, "at": ledger.at, "actor": self._actor}
            statement = update(lti_platforms).where(same) if known else insert(lti_platforms)
            ledger.connection.execute(statement.values(values))
            ledger.connection.execute(delete(lti_deployments).where(lti_deployments.c.platform == identifier))
            _add_deployments(ledger, identifier, checked.deployments)
            self._note(ledger, identifier, "registered")
            revoke_lost_access(ledger, identifier, self._actor)
            return _read(ledger.connection, identifier)

    def add_deployment(self, identifier: str, deployment: str) -> Platform:
        """Raises LtiError for an unknown platform, or an id that no platform can have."""
        with audited_transaction(self._database) as ledger:
            found = _read(ledger.connection, identifier)
            if deployment not in found.deployments:
                _add_deployments(ledger, identifier, (_checked_deployment(deployment),))
                self._note(ledger, identifier, "deployment")
            return _read(ledger.connection, identifier)

    def remove(self, identifier: str) -> tuple[Platform, tuple[str, ...]]:
        """Its launches are refused from now on, and the keys that they made are revoked; returns these too.

        Raises LtiError for an unknown platform.
        """
        with audited_transaction(self._database) as ledger:
            found = _read(ledger.connection, identifier)
            row = update(lti_platforms).where(lti_platforms.c.id == identifier)
            ledger.connection.execute(row.values(removed_at=ledger.at))
            self._note(ledger, identifier, "removed")
            return found, revoke_lost_access(ledger, identifier, self._actor)

    def read(self, identifier: str) -> Platform:
        """Raises LtiError (`lti-unknown-platform`) if it is unknown or was removed."""
        with self._database.reading() as connection:
            return _read(connection, identifier)

    def all(self) -> list[Platform]:
        """The platforms that were not removed, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(lti_platforms.c.id).where(_active()).order_by(lti_platforms.c.at))
            return [_read(connection, each) for each in rows.scalars().all()]

    def find(self, issuer: str, client_id: str | None) -> Platform:
        """The platform of a login. Without a client id, the only one of this issuer.

        Raises LtiError: `lti-unknown-platform`, `lti-ambiguous-platform`.
        """
        same = (lti_platforms.c.issuer == issuer) & _active()
        if client_id is not None:
            same &= lti_platforms.c.client_id == client_id
        with self._database.reading() as connection:
            found = connection.execute(select(lti_platforms.c.id).where(same)).scalars().all()
            if len(found) > 1:
                raise LtiError("The issuer has several registrations.", code="lti-ambiguous-platform")
            return _read(connection, found[0] if found else "")

    def _note(self, ledger: Ledger, identifier: str, change: str) -> None:
        version = platform_version(ledger.connection, identifier)
        ledger.append("lti-platform", self._actor, {"id": identifier, "change": change, "version": version})


def origin(url: str) -> str | None:
    """Scheme and host of a URL, as browsers write them; None if it is not an http or https URL."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port not in (None, {"http": 80, "https": 443}.get(parts.scheme)) else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    found = f"{parts.scheme}://{parts.hostname}{port}"
    return found if FRAME_ORIGIN.fullmatch(found) else None


def _active() -> Any:
    return lti_platforms.c.removed_at.is_(None)


def _read(connection: Connection, identifier: str) -> Platform:
    row = connection.execute(select(lti_platforms).where(lti_platforms.c.id == identifier, _active())).one_or_none()
    if row is None:
        raise LtiError("No such platform is registered.", code="lti-unknown-platform")
    query = select(lti_deployments.c.deployment).where(lti_deployments.c.platform == identifier)
    deployments = connection.execute(query.order_by(lti_deployments.c.deployment)).scalars()
    values = {name: getattr(row, name) for name in Platform.model_fields if name != "deployments"}
    values |= {"frame_origins": tuple(row.frame_origins.split()), "deployments": tuple(deployments)}
    return Platform(**values)


def _add_deployments(ledger: Ledger, identifier: str, deployments: Iterable[str]) -> None:
    rows = [{"platform": identifier, "deployment": each} for each in dict.fromkeys(deployments)]
    if rows:
        ledger.connection.execute(insert(lti_deployments), rows)


def _checked(details: PlatformDetails, policy: OutboundPolicy) -> PlatformDetails:
    printable_name(details.name)
    for name in ("issuer", "client_id"):
        if not _is_id(getattr(details, name)):
            raise _unusable(name, getattr(details, name), f"1 to {LtiLimits().id_chars} printable characters")
    for name in URLS:
        try:
            policy.check_text(getattr(details, name))
        except OutboundRefusedError as error:
            raise _unusable(name, getattr(details, name), f"an address that requests may go to ({error})") from error
    for each in details.frame_origins:
        if not FRAME_ORIGIN.fullmatch(each):
            raise _unusable("frame origin", each, "scheme and host, such as https://school.instructure.com")
    for each in details.deployments:
        _checked_deployment(each)
    return details


def _checked_deployment(deployment: str) -> str:
    if not _is_id(deployment):
        raise _unusable("deployment", deployment, f"1 to {LtiLimits().id_chars} printable characters")
    return deployment


def _is_id(text: str) -> bool:
    return 0 < len(text) <= LtiLimits().id_chars and text.isprintable() and text == text.strip()


def _unusable(field: str, found: str, expected: str) -> LtiError:
    return LtiError(f"{field}: found {quoted(found)}; expected {expected}.", code="lti-registration")
