"""The adapter for Moodle. Every surprise of Moodle 4.3 that it handles is listed in docs/measurements/moodle.md."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from labs_schema.imports.identities import ids
from labs_schema.imports.records import IdKind
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import Assignment, CriterionValue, PlatformPerson, Value
from serving.deliveries.platforms.moodle.assignment import Address, MoodleAssignment, read_assignment
from serving.deliveries.platforms.moodle.client import MoodleClient
from serving.deliveries.platforms.moodle.rubrics import filled, read_fillings
from serving.deliveries.platforms.moodle.texts import comment, plain
from serving.deliveries.platforms.rest_client import Returned, parsed
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient

EDITOR = "assignfeedbackcomments_editor"
HTML = 1
UNTOUCHED = frozenset({"", "notmarked", "inmarking"})
MARKED = "readyforreview"
"""The workflow state `Marking completed`: a teacher reviews and releases the grade."""


class _Row(Returned):
    """A grade as Moodle stores it. `grade` is negative for none. `grader` is the user who saved it."""

    id: int
    userid: int
    attemptnumber: int
    timecreated: int
    timemodified: int
    grader: int
    grade: float | None


class MoodlePlatform:
    """`token` is that of an account that may grade the assignment."""

    def __init__(self, address: Address, token: str, client: OutboundClient, retries: Retries | None = None) -> None:
        self._client, self._cmid = MoodleClient(address.base, token, client, retries), address.cmid
        self.target = f"moodle {address.base}/mod/assign/view.php?id={address.cmid}"

    @cached_property
    def _assignment(self) -> MoodleAssignment:
        return read_assignment(self._client, self._cmid)

    announces_waiting = False
    stores_remarks = True

    @property
    def comment_style(self) -> Literal["append", "replace", "none"]:
        """Comments cannot be read before the release, so that they could not be compared."""
        assignment = self._assignment
        hidden = assignment.workflow or not assignment.comments or assignment.definition is not None
        return "none" if hidden else "replace"

    def read_assignment(self) -> Assignment:
        self.__dict__.pop("_assignment", None)
        assignment = self._assignment
        definition = assignment.definition
        return Assignment(
            title=assignment.title,
            maximum=definition.maximum if definition else assignment.maximum,
            rubric=definition.rubric if definition else None,
            warnings=assignment.warnings,
        )

    def read_people(self) -> tuple[PlatformPerson, ...]:
        assignment = self._assignment.id
        people = self._client.read("mod_assign_list_participants", assignid=assignment, groupid=0, filter="")
        answer = self._client.read("mod_assign_get_user_mappings", assignmentids=[assignment])
        numbers = {each["userid"]: each["id"] for part in answer["assignments"] for each in part["mappings"]}
        return tuple(_person(each, numbers.get(each["id"])) for each in people)

    def read_values(self, person: str | None = None) -> Mapping[str, Value]:
        rows = self._rows(person)
        definition = self._assignment.definition
        if definition is None:
            return {str(user): self._points(row) for user, row in rows.items()}
        first = min((row.timecreated for row in rows.values()), default=0)
        grades = frozenset(row.id for row in rows.values())
        fillings = read_fillings(self._client, definition, first, grades) if rows else {}
        return {str(user): self._rubric_value(row, fillings.get(row.id, {})) for user, row in rows.items()}

    def write(self, person: str, new: Value, current: Value) -> Value:
        """Comments and the workflow's state are sent again: Moodle resets what a request leaves out."""
        assignment = self._assignment
        self._check_range(new)
        status = self._status(person)
        state = (status.get("lastattempt") or {}).get("gradingstatus") or ""
        grade: dict[str, object] = {
            "userid": person,
            "grade": 0 if assignment.definition else new.total,
            "attemptnumber": -1,
            "addattempt": 0,
            "workflowstate": (MARKED if state in UNTOUCHED else state) if assignment.workflow else "",
        }
        if assignment.comments:
            text = comment("\n".join(new.comments)) if new.comments else self._stored_comment(person, status)
            grade["plugindata"] = {EDITOR: {"text": text, "format": HTML}}
        if assignment.definition:
            grade["advancedgradingdata"] = {"rubric": {"criteria": filled(new.criteria, assignment.definition.rubric)}}
        self._client.call("mod_assign_save_grades", assignmentid=assignment.id, applytoall=0, grades=[grade])
        after = self.read_values(person).get(person, Value())
        if after.total == current.total and after.criteria == current.criteria and _differs(new, current):
            message = "Moodle did not change the grade: it is locked or overridden in the gradebook."
            raise DeliveryError("platform-grade-locked", message)
        return after

    def _rows(self, person: str | None = None) -> dict[int, _Row]:
        """User id -> the grade of the last attempt; of one person or of all, whom Moodle returns in either case."""
        answer = self._client.read("mod_assign_get_grades", assignmentids=[self._assignment.id])
        denied = next((each for each in answer["warnings"] if str(each.get("warningcode")) == "1"), None)
        if denied:
            raise DeliveryError(
                "platform-permission", "The account may not read grades.", platform_text=denied["message"]
            )
        rows: dict[int, _Row] = {}
        for found in (each for part in answer["assignments"] for each in part["grades"]):
            if person not in (None, str(found.get("userid"))):
                continue
            row: _Row = parsed(_Row, found, "Moodle")
            if row.userid not in rows or row.attemptnumber > rows[row.userid].attemptnumber:
                rows[row.userid] = row
        return rows

    def _points(self, row: _Row) -> Value:
        text = ""
        if self.comment_style == "replace":
            text = plain(_comment_of(self._status(str(row.userid))) or "")
        return Value(total=_graded(row), comments=(text,) if text else ())

    def _rubric_value(self, row: _Row, criteria: Mapping[str, CriterionValue]) -> Value:
        """The total in points of the rubric, if the grade follows from the levels; else the grade on that scale."""
        grade, assignment = _graded(row), self._assignment
        assert assignment.definition is not None
        if grade is None:
            return Value(criteria=dict(criteria))
        low, high = assignment.definition.minimum, assignment.definition.maximum
        points = sum(each.points or 0 for each in criteria.values())
        # With minimum levels above 0, the rubric's settings choose between these two.
        expected = [points * assignment.maximum / high] if high else []
        expected += [(points - low) * assignment.maximum / (high - low)] if high > low else []
        follows = criteria and any(math.isclose(grade, each, abs_tol=0.01) for each in expected)
        total = points if follows else grade * high / assignment.maximum
        return Value(total=round(total, 6), criteria=dict(criteria))

    def _check_range(self, new: Value) -> None:
        """Moodle answers `null` to a grade outside of the range, and stores only the comment."""
        assignment = self._assignment
        maximum = assignment.definition.maximum if assignment.definition else assignment.maximum
        if new.total is None or not 0 <= new.total <= maximum + 0.005:
            message = f"The assignment accepts grades from 0 to {maximum:g}."
            raise DeliveryError("platform-value-refused", message)

    def _status(self, person: str) -> dict[str, Any]:
        found = self._client.read("mod_assign_get_submission_status", assignid=self._assignment.id, userid=person)
        return found if isinstance(found, dict) else {}

    def _stored_comment(self, person: str, status: Mapping[str, Any]) -> str:
        """The HTML of the comment, to send it again. Raises DeliveryError if another account may have written one."""
        stored = _comment_of(status)
        row = None if stored is not None else self._rows(person).get(int(person))
        if row is not None and row.grader not in (-1, 0, self._assignment.account):
            message = "Another account graded the student, and Moodle does not show the comment before the release."
            raise DeliveryError("platform-value-changed", message)
        return stored or ""


def _person(found: Mapping[str, Any], number: int | None) -> PlatformPerson:
    """With anonymous submissions, Moodle returns the number of the participant only."""
    number = found["recordid"] if found.get("recordid", -1) > 0 else number
    known = ids(
        (IdKind.NUMBER, found.get("idnumber") or ""),
        (IdKind.LOGIN, found.get("username") or ""),
        (IdKind.EMAIL, found.get("email") or ""),
        (IdKind.PLATFORM, str(number or "")),
    )
    return PlatformPerson(id=str(found["id"]), ids=known)


def _graded(row: _Row) -> float | None:
    return None if row.grade is None or row.grade < 0 else row.grade


def _comment_of(status: Mapping[str, Any]) -> str | None:
    """The comment; None if Moodle does not show it, which is different from an empty one."""
    plugins = (status.get("feedback") or {}).get("plugins") or []
    fields = [field for each in plugins if each.get("type") == "comments" for field in each.get("editorfields") or []]
    return str(fields[0].get("text") or "") if fields else None


def _differs(new: Value, current: Value) -> bool:
    levels = {key: each.level for key, each in current.criteria.items()}
    return new.total != current.total or any(each.level != levels.get(key) for key, each in new.criteria.items())
