"""The adapters of course platforms, connected to the fakes."""

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from labs_schema.models import Lab
from serving.deliveries.platform import Platform
from serving.deliveries.platforms.canvas import CanvasPlatform
from serving.deliveries.platforms.canvas_api import CanvasApi
from serving.deliveries.platforms.lti.members import MEMBERSHIP
from serving.deliveries.platforms.lti.platform import RESULTS, SCORE, WRITABLE_LINE_ITEM, LtiLink, LtiPlatform
from serving.deliveries.platforms.lti.services import LtiServices
from serving.deliveries.platforms.lti.tokens import ServiceAccess, ServiceTokens, Sign
from serving.deliveries.platforms.moodle.assignment import parse_address
from serving.deliveries.platforms.moodle.platform import MoodlePlatform
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient
from tests.harness.lti.fake_lti import CLIENT
from tests.harness.lti.tokens import signed
from tests.harness.platforms import fake_canvas, fake_moodle

KID = "tool-1"
SCOPES = (WRITABLE_LINE_ITEM, RESULTS, SCORE, MEMBERSHIP)
RUBRIC_MODULE = 507
"""The assignment with a rubric in the recorded Moodle."""


def signer(key: RSAPrivateKey) -> Sign:
    return lambda claims: signed({"typ": "JWT", "alg": "RS256", "kid": KID}, claims, key, "RS256")


def lti_adapter(
    address: dict[str, str], client: OutboundClient, retries: Retries, sign: Sign, **link: Any
) -> LtiPlatform:
    """`address`: the `token_url`, `line_item_url` and `memberships_url` of a fake."""
    access = ServiceAccess(client_id=CLIENT, token_url=address["token_url"], audience=address["token_url"])
    found = LtiLink(**{"line_item": address["line_item_url"], "memberships": address["memberships_url"], **link})
    return LtiPlatform(LtiServices(client, ServiceTokens(client, access, sign, SCOPES), retries), found)


def adapter(kind: str, address: dict[str, str], client: OutboundClient, retries: Retries) -> Platform:
    """`address` has the fake's `url`; for LTI, also `key`, the file with the tool's key."""
    if kind.startswith("canvas"):
        api = CanvasApi(client, address["url"], fake_canvas.TOKEN, retries)
        return CanvasPlatform(api, str(fake_canvas.COURSE), str(fake_canvas.ASSIGNMENT))
    if kind.startswith("moodle"):
        page = parse_address(f"{address['url']}/mod/assign/view.php?id={RUBRIC_MODULE}")
        return MoodlePlatform(page, fake_moodle.TOKEN, client, retries)
    key = load_pem_private_key(Path(address["key"]).read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return lti_adapter(address, client, retries, signer(key))


def canvas_rubric(lab: Lab) -> list[dict[str, Any]]:
    """Ids as Canvas makes them: `_10`, `blank_2`. Two ratings of one criterion may have equal points."""
    return [
        {
            "id": f"_{at}0",
            "description": each.title,
            "long_description": f"<p>{each.description}</p>",
            "points": each.max_marks,
            "ratings": [
                {"id": f"{at}_{index}", "description": rating.title, "points": rating.marks}
                for index, rating in enumerate(each.ratings)
            ],
        }
        for at, each in enumerate(lab.criteria)
    ]
