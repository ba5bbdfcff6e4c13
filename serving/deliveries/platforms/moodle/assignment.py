"""An assignment of Moodle: what its settings mean for grades that are sent to it."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from labs_schema.frozen import Frozen
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platforms.moodle.client import MoodleClient
from serving.deliveries.platforms.moodle.rubrics import Definition, read_definition
from serving.deliveries.platforms.rest_client import Returned, parsed

FUNCTIONS = (
    "core_course_get_course_module",
    "core_grading_get_definitions",
    "core_grading_get_gradingform_instances",
    "core_webservice_get_site_info",
    "mod_assign_get_assignments",
    "mod_assign_get_grades",
    "mod_assign_get_submission_status",
    "mod_assign_get_submissions",
    "mod_assign_get_user_mappings",
    "mod_assign_list_participants",
    "mod_assign_save_grades",
)
"""The functions that the external service needs."""
_ADDRESS = re.compile(r"(?P<base>https?://[^?#]+?)/mod/assign/view\.php\?(?:[^#]*&)?id=(?P<cmid>\d{1,12})(?:[&#].*)?")


class Address(Frozen):
    """The site's address, and the id of the assignment in its course as in the address of its page."""

    base: str
    cmid: int


class MoodleAssignment(Returned):
    """`id` is the number that the functions of assignments take; `account` is the user of the token."""

    id: int
    account: int
    title: str = Field(validation_alias="name")
    maximum: float = Field(validation_alias="grade")
    definition: Definition | None
    teams: bool = Field(False, validation_alias="teamsubmission")
    workflow: bool = Field(False, validation_alias="markingworkflow")
    notifies: bool = Field(False, validation_alias="sendstudentnotifications")
    configs: tuple[dict[str, Any], ...] = ()

    @property
    def comments(self) -> bool:
        """Whether the assignment has feedback comments."""
        return any(
            each.get("subtype") == "assignfeedback" and each.get("plugin") == "comments"
            and each.get("name") == "enabled" and str(each.get("value")) == "1"
            for each in self.configs
        )  # fmt: skip

    @property
    def warnings(self) -> tuple[str, ...]:
        found = []
        if not self.workflow:
            found.append(
                "Students see each grade at once. Marking workflow in the assignment's settings prevents that."
            )
        elif self.definition is None:
            found.append("Moodle shows comments only after the release, so none are sent.")
        if self.notifies:
            found.append("Moodle notifies students of each grade.")
        if self.definition is None and not self.comments:
            found.append("Feedback comments are disabled in the assignment, so none are sent.")
        return tuple(found)


def parse_address(url: str) -> Address:
    """Parses the address of the assignment's page. Raises DeliveryError."""
    match = _ADDRESS.fullmatch(url.strip())
    if match is None:
        message = (
            "Expected the address of the assignment's page, such as https://moodle.example/mod/assign/view.php?id=501."
        )
        raise DeliveryError("platform-not-found", message)
    return Address(base=match["base"], cmid=int(match["cmid"]))


def read_assignment(client: MoodleClient, cmid: int) -> MoodleAssignment:
    """Raises DeliveryError if the service lacks a function, or if the assignment is graded in an unsupported way."""
    account = _check_service(client)
    module = client.read("core_course_get_course_module", cmid=cmid)["cm"]
    if module["modname"] != "assign":
        raise DeliveryError(
            "platform-not-found", f"The address is that of a {module['modname'][:40]}, not an assignment."
        )
    answer = client.read("mod_assign_get_assignments", courseids=[module["course"]], includenotenrolledcourses=1)
    listed = (
        each for course in answer["courses"] for each in course["assignments"] if each["id"] == module["instance"]
    )
    found = next(listed, None)
    if found is None:
        raise DeliveryError(
            "platform-permission", "The account cannot see the assignment.", platform_text=_warnings(answer)
        )
    definition = read_definition(client, cmid, _method(module))
    known = {"account": account, "definition": definition}
    assignment: MoodleAssignment = parsed(MoodleAssignment, {**found, **known}, "Moodle")
    if assignment.maximum <= 0 and definition is None:
        raise DeliveryError("platform-assignment-unsuitable", "The assignment is graded with a scale, or not at all.")
    return assignment


def _check_service(client: MoodleClient) -> int:
    """The id of the token's account."""
    site = client.read("core_webservice_get_site_info")
    missing = sorted(set(FUNCTIONS) - {each["name"] for each in site["functions"]})
    if missing:
        raise DeliveryError("platform-permission", f"The web service lacks {', '.join(missing)}.")
    return int(site["userid"])


def _method(module: Mapping[str, Any]) -> str | None:
    areas = module.get("advancedgrading") or []
    return next((each["method"] for each in areas if each["area"] == "submissions"), None)


def _warnings(answer: Mapping[str, Any]) -> str:
    return " ".join(str(each.get("message")) for each in answer.get("warnings") or [])
