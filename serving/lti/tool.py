"""The tool as platforms see it: its addresses, and what an administrator or a platform registers."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from labs_schema.errors import quoted
from serving.lti.errors import LtiError
from serving.lti.platforms.platforms import origin

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope"
SCOPES = (
    f"{AGS}/lineitem",
    f"{AGS}/result.readonly",
    f"{AGS}/score",
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
)
STUDENT_ID = "student_id"
"""The custom parameter with the id under which the lab has the student. `$Person.sourcedId` is the number that Moodle
calls ID number and Canvas calls SIS ID."""
CUSTOM = {STUDENT_ID: "$Person.sourcedId"}
NAME, DESCRIPTION = "grader", "Grades programs with the rubric of the course."


@dataclass(frozen=True)
class Tool:
    """`url`: the address of the service, as browsers reach it, without a path or with the one of a proxy."""

    url: str

    @property
    def login_url(self) -> str:
        return f"{self.url}/lti/login"

    @property
    def launch_url(self) -> str:
        return f"{self.url}/lti/launch"

    @property
    def keys_url(self) -> str:
        return f"{self.url}/lti/jwks"

    @property
    def registration_url(self) -> str:
        return f"{self.url}/lti/register"

    def is_target(self, url: str) -> bool:
        """Whether a `target_link_uri` is the tool's: no launch is for, or leads to, any other address."""
        return url == self.launch_url or url.startswith(f"{self.launch_url}?")

    def canvas_configuration(self) -> dict[str, Any]:
        """The JSON that Canvas reads when an administrator adds a developer key."""
        placements = [
            {"placement": each, "message_type": "LtiDeepLinkingRequest", "target_link_uri": self.launch_url}
            for each in ("assignment_selection", "link_selection")
        ]
        extension = {
            "domain": urlsplit(self.url).netloc,
            "tool_id": NAME,
            "platform": "canvas.instructure.com",
            "privacy_level": "public",
            "settings": {"text": NAME, "placements": placements},
        }
        return {
            "title": NAME,
            "description": DESCRIPTION,
            "oidc_initiation_url": self.login_url,
            "target_link_uri": self.launch_url,
            "public_jwk_url": self.keys_url,
            "scopes": list(SCOPES),
            "custom_fields": CUSTOM,
            "extensions": [extension],
        }

    def addresses(self) -> dict[str, str]:
        """The fields of Moodle's form for external tools, by their labels."""
        return {
            "Tool URL": self.launch_url,
            "Public keyset": self.keys_url,
            "Initiate login URL": self.login_url,
            "Redirection URI(s)": self.launch_url,
            "Content selection URL": self.launch_url,
            "Custom parameters": "\n".join(f"{name}={value}" for name, value in CUSTOM.items()),
        }


def configured_tool(public_url: str) -> Tool:
    """Raises LtiError (`lti-public-url`) if the address is not usable: GRADER_PUBLIC_URL is missing or malformed."""
    url = public_url.strip().rstrip("/")
    if origin(url) is None or any(each in url for each in "?#@\\") or not url.isprintable():
        raise LtiError(
            f"GRADER_PUBLIC_URL is {quoted(public_url)}; expected the address of the service as browsers reach it, "
            "such as https://grader.example.edu.",
            code="lti-public-url",
        )
    return Tool(url)
