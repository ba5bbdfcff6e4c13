"""The claims of a launch. Unknown ones are ignored, and so are wrong ones that are optional here."""

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from labs_schema.errors import quoted
from labs_schema.hashes import canonical_json
from labs_schema.limits import LtiLimits
from serving.lti.errors import LtiError
from serving.lti.launches.roles import is_staff

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
SERVICES = {
    "grades": "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint",
    "names": "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice",
}
VERSION = "1.3.0"
LIMITS = LtiLimits()
Id = Annotated[str, Field(min_length=1, max_length=LIMITS.id_chars)]
Text = Annotated[str, Field(max_length=LIMITS.text_chars)]


class MessageType(StrEnum):
    RESOURCE_LINK = "LtiResourceLinkRequest"
    DEEP_LINKING = "LtiDeepLinkingRequest"
    SUBMISSION_REVIEW = "LtiSubmissionReviewRequest"


class Part(BaseModel):
    """A claim that is an object."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Identified(Part):
    """A link or a course of the platform."""

    id: Id


Service = TypeVar("Service", bound=Part)


class ForUser(Part):
    user_id: Id


class GradeService(Part):
    """Where grades are sent (AGS). `lineitem`: the only column of the link."""

    scope: list[Text] = []
    lineitem: Text | None = None
    lineitems: Text | None = None


class NameService(Part):
    """Where the people of the course are listed (NRPS)."""

    context_memberships_url: Text


class DeepLinkingSettings(Part):
    """`data` must be sent back unchanged. It may be any JSON value."""

    deep_link_return_url: Text
    accept_types: list[Text]
    accept_lineitem: bool | None = None
    data: JsonValue = None

    @field_validator("data")
    @classmethod
    def _is_bounded(cls, value: JsonValue) -> JsonValue:
        if len(canonical_json(value)) > LIMITS.text_chars:  # also refuses NaN, which is not JSON
            raise ValueError("value is too long")
        return value


class Claims(Part):
    """`user`: the platform's id of the person. `custom`: the link's parameters that are text."""

    user: Id = Field(alias="sub")
    deployment: Id = Field(alias=f"{LTI}deployment_id")
    roles: list[Text] = Field(alias=f"{LTI}roles", max_length=100)
    message_type: MessageType
    target: Text | None = Field(None, alias=f"{LTI}target_link_uri")
    link: Identified | None = Field(None, alias=f"{LTI}resource_link")
    context: Identified | None = Field(None, alias=f"{LTI}context")
    for_user: ForUser | None = Field(None, alias=f"{LTI}for_user")
    deep_linking: DeepLinkingSettings | None = Field(None, alias=f"{DEEP_LINKING}deep_linking_settings")
    email: str = ""
    name: str = ""
    username: str = ""
    sis_id: str = ""
    custom: dict[str, str] = {}
    grades: GradeService | None = None
    names: NameService | None = None

    @property
    def is_staff(self) -> bool:
        return is_staff(self.roles)

    @property
    def context_id(self) -> str:
        """Empty if the launch names no course."""
        return self.context.id if self.context else ""


REQUIRED = {
    MessageType.RESOURCE_LINK: ("link", "target"),
    MessageType.DEEP_LINKING: ("deep_linking",),
    MessageType.SUBMISSION_REVIEW: ("link", "target", "for_user"),
}


def read_claims(payload: Mapping[str, Any]) -> Claims:
    """Raises LtiError: `lti-version`, `lti-message-type`, `lti-claim-missing`, `lti-claim-invalid`."""
    version, kind = payload.get(f"{LTI}version"), payload.get(f"{LTI}message_type")
    if version != VERSION:
        raise LtiError(f"version: found {_shown(version)}; expected {VERSION}.", code="lti-version")
    if kind not in list(MessageType):
        raise LtiError(f"message_type: found {_shown(kind)}.", code="lti-message-type")
    lis, ext = _object(payload, f"{LTI}lis"), _object(payload, f"{LTI}ext")
    optional = {
        "message_type": MessageType(kind),
        "email": _text(payload.get("email")),
        "name": _text(payload.get("name")),
        "username": _text(ext.get("user_username")),
        "sis_id": _text(lis.get("person_sourcedid")),
        "custom": {name: value for name, value in _object(payload, f"{LTI}custom").items() if isinstance(value, str)},
        "grades": _service(GradeService, payload.get(SERVICES["grades"])),
        "names": _service(NameService, payload.get(SERVICES["names"])),
    }
    aliases = {str(field.alias) for field in Claims.model_fields.values()}
    known = {name: payload[name] for name in aliases & payload.keys()}
    try:
        claims = Claims.model_validate({**known, **optional})
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(str(part).rsplit("/", 1)[-1] for part in wrong["loc"])
        code = "lti-claim-missing" if wrong["type"] == "missing" else "lti-claim-invalid"
        raise LtiError(f"Claim {name}: {wrong['msg'].lower()}.", code=code) from None
    for name in REQUIRED[claims.message_type]:
        if getattr(claims, name) is None:
            alias = str(Claims.model_fields[name].alias).rsplit("/", 1)[-1]
            raise LtiError(f"Claim {alias}: field required.", code="lti-claim-missing")
    return claims


def _object(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = payload.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= LIMITS.text_chars else ""


def _service(kind: type[Service], value: object) -> Service | None:
    """The service's claim; None if the launch does not offer it, or in a form that cannot be used."""
    with suppress(ValidationError):
        return kind.model_validate(value)
    return None


def _shown(value: object) -> str:
    return "nothing" if value is None else quoted(value) if isinstance(value, str) else type(value).__name__
