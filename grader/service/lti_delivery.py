"""The place for a lab's grades on an LTI platform, from what the launches of its links stated."""

from collections.abc import Mapping
from functools import partial

import jwt

from grader.service.lti import tool_keys
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platforms.lti.members import MEMBERSHIP
from serving.deliveries.platforms.lti.platform import (
    LINE_ITEM,
    RESULTS,
    SCORE,
    WRITABLE_LINE_ITEM,
    LtiLink,
    LtiPlatform,
)
from serving.deliveries.platforms.lti.services import LtiServices
from serving.deliveries.platforms.lti.tokens import ServiceAccess, ServiceTokens, Sign
from serving.deliveries.sending import Source
from serving.lti.keys import ALGORITHM, SigningKey
from serving.lti.launches.links import Link, Links
from serving.lti.launches.people import People
from serving.lti.platforms.platforms import Platforms
from serving.outbound.client import OutboundClient
from serving.store.store import Store


class LtiColumns:
    """The columns for the grades of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of_lab(self, source: Source) -> Mapping[str, str]:
        """Address -> name of the platform. Raises StoreError."""
        platforms = Platforms(self._store)
        return {address: platforms.read(link.platform).name for address, link in self._links(source).items()}

    def open(self, source: Source, address: str, client: OutboundClient) -> LtiPlatform:
        """Raises DeliveryError for another column than the lab's, or if the platform does not permit grades."""
        link = self._links(source).get(address)
        if link is None:
            raise DeliveryError("platform-column-unknown", "The lab has no such column on an LTI platform.")
        platform = Platforms(self._store).read(link.platform)
        students = People(self._store.database).students(link.platform, source.course)
        found = LtiLink(line_item=address, memberships=link.memberships, students=students)
        audience = platform.token_audience
        access = ServiceAccess(client_id=platform.client_id, token_url=platform.token_url, audience=audience)
        sign = signer(tool_keys(self._store).signing())
        return LtiPlatform(LtiServices(client, ServiceTokens(client, access, sign, needed_scopes(link))), found)

    def chosen(self, source: Source, address: str | None) -> str:
        """The address of the lab's column; `address` chooses one of several. Raises DeliveryError."""
        columns = self._links(source)
        if address in columns:
            return str(address)
        if address is None and len(columns) == 1:
            return next(iter(columns))
        if columns:
            raise DeliveryError("platform-column-unknown", f"Choose a column with --line-item: {', '.join(columns)}")
        opened = Links(self._store.database).of_lab(source.course, source.lab)
        message = "No one has opened a link to the lab in a connected course of a platform yet."
        if opened:
            message = "The lab's link has no column in the platform's gradebook."
        raise DeliveryError("platform-column-unknown", message)

    def _links(self, source: Source) -> dict[str, Link]:
        """Column -> link; the newest launch counts. None of a platform that was removed."""
        active = {each.id for each in Platforms(self._store).all()}
        links = Links(self._store.database).of_lab(source.course, source.lab)
        return {each.line_item: each for each in reversed(links) if each.line_item and each.platform in active}


def signer(signing: SigningKey) -> Sign:
    return partial(jwt.encode, key=signing.key, algorithm=ALGORITHM, headers={"kid": signing.kid})


def needed_scopes(link: Link) -> tuple[str, ...]:
    """Raises DeliveryError if the platform does not offer them: it was set up without grades."""
    readable = LINE_ITEM if LINE_ITEM in link.scopes else WRITABLE_LINE_ITEM
    needed = (readable, RESULTS, SCORE)
    if missing := [each for each in needed if each not in link.scopes]:
        names = ", ".join(each.rsplit("/", 1)[-1] for each in missing)
        raise DeliveryError("platform-permission", f"The platform does not permit the tool: {names}.")
    return (*needed, MEMBERSHIP) if link.memberships else needed
