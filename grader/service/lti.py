"""The settings of the LTI tool, for the commands and the service."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy import select, union

from labs_schema.errors import GraderError, did_you_mean, quoted
from labs_schema.settings import Settings, data_folder
from serving.lti.errors import LtiError
from serving.lti.keys import ToolKeys
from serving.lti.platforms.known_platforms import canvas as canvas_addresses
from serving.lti.platforms.known_platforms import moodle as moodle_addresses
from serving.lti.platforms.platforms import PlatformDetails, StudentIdKind
from serving.lti.tool import configured_tool
from serving.outbound.policy import configured_policy
from serving.store.store import Store
from serving.store.tables import keys, students
from serving.web.lti.state import LtiOptions


def tool_keys(store: Store) -> ToolKeys:
    return ToolKeys(Settings().lti_keys or (store.database.folder or data_folder()) / "lti-keys.json")


def lti_options(store: Store, session_key: bytes) -> LtiOptions:
    """The tool of GRADER_PUBLIC_URL. Raises LtiError for a malformed address, OutboundRefusedError for a malformed
    allow-list."""
    tool, policy = configured_tool(Settings().public_url), configured_policy()
    return LtiOptions(tool, tool_keys(store), session_key, policy)


def known_courses(store: Store) -> list[str]:
    """The names of courses that have students or API keys."""
    named = union(select(students.c.course), select(keys.c.course).where(keys.c.course.is_not(None)))
    with store.database.reading() as connection:
        return sorted(connection.scalars(named))


def platform_details(given: dict[str, Any], *, moodle: str | None, canvas: str | None) -> PlatformDetails:
    """A registration from options; those that are given replace what is known of Moodle or Canvas.

    Raises LtiError (`lti-registration`) for a wrong value, GraderError (`missing-option`) for a missing address.
    """
    known = moodle_addresses(moodle) if moodle else canvas_addresses(canvas) if canvas else {}
    frames = (*known.pop("frame_origins", ()), *given.pop("frame_origins"))
    details = {**known, **{name: value for name, value in given.items() if value is not None}}
    missing = [name for name in ("issuer", "authorization_url", "token_url", "keys_url") if name not in details]
    if missing:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise GraderError(f"Missing {options}; --moodle and --canvas set them all.", code="missing-option")
    try:
        return PlatformDetails(**details, frame_origins=frames)
    except ValidationError as error:
        kinds = [each.value for each in StudentIdKind]
        wrong = str(details["student_id"])
        raise LtiError(
            f"--student-id: found {quoted(wrong)}; expected one of {', '.join(kinds)}.{did_you_mean(wrong, kinds)}",
            code="lti-registration",
        ) from error
