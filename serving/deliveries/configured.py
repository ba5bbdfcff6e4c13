"""The places that the service sends to: below the addresses that the operator configured, and columns of LTI platforms.

A page names an assignment only below these addresses, so that a token never goes to another host.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from labs_schema.settings import Settings
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import Platform
from serving.deliveries.platforms.canvas import CanvasPlatform
from serving.deliveries.platforms.canvas_api import CanvasApi
from serving.deliveries.platforms.moodle.assignment import parse_address
from serving.deliveries.platforms.moodle.platform import MoodlePlatform
from serving.deliveries.sending import Source
from serving.outbound.client import OutboundClient

CANVAS, MOODLE, LTI = "canvas", "moodle", "lti"
TITLES = {CANVAS: "Canvas", MOODLE: "Moodle", LTI: "LTI"}
CANVAS_PAGE = re.compile(r"/courses/(\d{1,20})/assignments/(\d{1,20})/?(?:[?#].*)?")


class Columns(Protocol):
    """The columns of gradebooks that launches of the LTI tool named."""

    def of_lab(self, source: Source) -> Mapping[str, str]:
        """Address -> name of the platform."""
        ...

    def open(self, source: Source, address: str, client: OutboundClient) -> Platform:
        """Raises DeliveryError for a column that is not one of the lab."""
        ...


def configured_platforms() -> Mapping[str, str]:
    """Name -> address of the site, of platforms that have both an address and a token."""
    settings = Settings()
    found = {CANVAS: (settings.canvas_url, settings.canvas_token), MOODLE: (settings.moodle_url, settings.moodle_token)}
    return {name: url.rstrip("/") for name, (url, token) in found.items() if url and token.get_secret_value()}


def open_place(source: Source, name: str, address: str, client: OutboundClient, columns: Columns | None) -> Platform:
    """The platform with the column at `address` (LTI), or the assignment whose page is there. Raises DeliveryError."""
    if name == LTI and columns is not None:
        return columns.open(source, address, client)
    return open_platform(name, address, client)


def open_platform(name: str, address: str, client: OutboundClient) -> Platform:
    """The platform with the assignment whose page is at `address`. Raises DeliveryError for any other address."""
    base = configured_platforms().get(name)
    if base is None:
        raise DeliveryError("platform-not-configured", "The platform is not configured in this service.")
    if not address.startswith(f"{base}/"):
        raise DeliveryError("platform-address", f"The address is not below {base}/.")
    if name == MOODLE:
        return MoodlePlatform(parse_address(address), Settings().moodle_token.get_secret_value(), client)
    page = CANVAS_PAGE.fullmatch(address.removeprefix(base))
    if page is None:
        raise DeliveryError("platform-address", f"Expected an address such as {base}/courses/101/assignments/202.")
    return CanvasPlatform(CanvasApi(client, base, Settings().canvas_token.get_secret_value()), page[1], page[2])
