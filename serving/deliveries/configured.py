"""The platforms that the operator configured, with an address and a token in the environment.

A page names an assignment only below these addresses, so that a token never goes to another host.
"""

import re
from collections.abc import Mapping

from labs_schema.settings import Settings
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import Platform
from serving.deliveries.platforms.canvas import CanvasPlatform
from serving.deliveries.platforms.canvas_api import CanvasApi
from serving.deliveries.platforms.moodle.assignment import parse_address
from serving.deliveries.platforms.moodle.platform import MoodlePlatform
from serving.outbound.client import OutboundClient

CANVAS, MOODLE = "canvas", "moodle"
TITLES = {CANVAS: "Canvas", MOODLE: "Moodle"}
CANVAS_PAGE = re.compile(r"/courses/(\d{1,20})/assignments/(\d{1,20})/?(?:[?#].*)?")


def configured_platforms() -> Mapping[str, str]:
    """Name -> address of the site, of platforms that have both an address and a token."""
    settings = Settings()
    found = {CANVAS: (settings.canvas_url, settings.canvas_token), MOODLE: (settings.moodle_url, settings.moodle_token)}
    return {name: url.rstrip("/") for name, (url, token) in found.items() if url and token.get_secret_value()}


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
