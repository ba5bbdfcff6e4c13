"""Deep linking 2.0: the tool's answer with the link to the lab that a teacher chose."""

import time
from secrets import token_urlsafe
from typing import Any

import jwt

from labs_schema.grades import highest_total
from labs_schema.limits import LtiLimits
from labs_schema.models import Lab
from serving.lti.errors import LtiError
from serving.lti.keys import ALGORITHM, ToolKeys
from serving.lti.launches.claims import DEEP_LINKING, LTI, VERSION, Claims
from serving.lti.launches.links import LAB
from serving.lti.platforms.platforms import Platform, origin
from serving.lti.tokens import Choice
from serving.lti.tool import Tool

LIMITS = LtiLimits()
ITEM_TYPE = "ltiResourceLink"


def choice_of(platform: Platform, claims: Claims, course: str, key: str) -> Choice:
    """Raises LtiError (`lti-claim-invalid`) if the platform accepts no links, or from an unusable address."""
    settings = claims.deep_linking
    if settings is None or ITEM_TYPE not in settings.accept_types:
        raise LtiError(f"accept_types has no {ITEM_TYPE}.", code="lti-claim-invalid")
    target = origin(settings.deep_link_return_url)
    if target is None or (target.startswith("http:") and target not in platform.frames):
        raise LtiError("deep_link_return_url is not an https address.", code="lti-claim-invalid")
    return Choice(
        platform=platform.id,
        deployment=claims.deployment,
        course=course,
        key=key,
        return_url=settings.deep_link_return_url,
        with_line_item=settings.accept_lineitem is not False,
        data=settings.data,
    )


def response_token(choice: Choice, platform: Platform, items: list[dict[str, Any]], keys: ToolKeys) -> str:
    """The signed answer, for the form field `JWT`. Without items, the selection was cancelled."""
    now, signing = int(time.time()), keys.signing()
    claims: dict[str, Any] = {
        "iss": platform.client_id,
        "aud": platform.issuer,
        "iat": now,
        "exp": now + int(LIMITS.response_seconds),
        "nonce": token_urlsafe(24),
        f"{LTI}deployment_id": choice.deployment,
        f"{LTI}message_type": "LtiDeepLinkingResponse",
        f"{LTI}version": VERSION,
        f"{DEEP_LINKING}content_items": items,
    }
    if choice.data is not None:
        claims[f"{DEEP_LINKING}data"] = choice.data
    return jwt.encode(claims, signing.key, ALGORITHM, headers={"kid": signing.kid})


def link_item(tool: Tool, name: str, lab: Lab | None, *, with_line_item: bool) -> dict[str, Any]:
    """A link to a lab, with a column of the gradebook if the lab's rubric has marks."""
    item: dict[str, Any] = {"type": ITEM_TYPE, "url": tool.launch_url, "title": name, "custom": {LAB: name}}
    maximum = highest_total((each.max_marks, each.bonus) for each in lab.criteria) if lab else None
    if with_line_item and maximum:
        item["lineItem"] = {"scoreMaximum": maximum, "label": name, "resourceId": name, "tag": "grader"}
    return item
