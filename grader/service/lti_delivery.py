"""The place for a lab's grades on an LTI platform, from what the launches of its links stated."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt

from grader.service.local_store import local_store
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
from serving.lti.links import Link, Links
from serving.lti.people import People
from serving.lti.platforms import Platforms
from serving.outbound.client import OutboundClient
from serving.outbound.policy import configured_policy


@contextmanager
def lti_platform(source: Source, line_item: str | None) -> Iterator[LtiPlatform]:
    """The column of the lab's link; `line_item` chooses one of several.

    Raises DeliveryError if there is none, or if the platform does not permit grades; StoreError.
    """
    with local_store() as store:
        link = _chosen(Links(store.database).of_lab(source.course, source.lab), line_item)
        platform = Platforms(store).read(link.platform)
        students = People(store.database).students(link.platform, source.course)
        sign = signer(tool_keys(store).signing())
    found = LtiLink(line_item=link.line_item or "", memberships=link.memberships, students=students)
    access = ServiceAccess(client_id=platform.client_id, token_url=platform.token_url, audience=platform.token_audience)
    with OutboundClient(configured_policy()) as client:
        yield LtiPlatform(LtiServices(client, ServiceTokens(client, access, sign, needed_scopes(link))), found)


def signer(signing: SigningKey) -> Sign:
    def sign(claims: dict[str, Any]) -> str:
        return jwt.encode(claims, signing.key, ALGORITHM, headers={"kid": signing.kid})

    return sign


def needed_scopes(link: Link) -> tuple[str, ...]:
    """Raises DeliveryError if the platform does not offer them: it was set up without grades."""
    readable = LINE_ITEM if LINE_ITEM in link.scopes else WRITABLE_LINE_ITEM
    needed = (readable, RESULTS, SCORE)
    if missing := [each for each in needed if each not in link.scopes]:
        names = ", ".join(each.rsplit("/", 1)[-1] for each in missing)
        raise DeliveryError("platform-permission", f"The platform does not permit the tool: {names}.")
    return (*needed, MEMBERSHIP) if link.memberships else needed


def _chosen(links: list[Link], line_item: str | None) -> Link:
    """The newest launch of each column counts."""
    columns = {each.line_item: each for each in reversed(links) if each.line_item}
    if line_item is not None and line_item in columns:
        return columns[line_item]
    if line_item is None and len(columns) == 1:
        return next(iter(columns.values()))
    if not links:
        message = "No link to the lab was opened in a connected course of a platform yet."
        raise DeliveryError("platform-column-unknown", message)
    if not columns:
        raise DeliveryError("platform-column-unknown", "The lab's link has no column in the platform's gradebook.")
    raise DeliveryError("platform-column-unknown", f"Choose a column with --line-item: {', '.join(columns)}")
