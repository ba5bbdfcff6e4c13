"""An LTI platform: a column of its gradebook (line item), with a total and a comment for each student.

There is no rubric in LTI. A platform refuses a score whose time is not later than that of its entry; Moodle compares
whole seconds. Without a comment in a score, the comment is deleted; Canvas adds each one to the others.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from labs_schema.frozen import Frozen
from serving.deliveries.errors import DeliveryError
from serving.deliveries.plan import shows
from serving.deliveries.platform import Assignment, NewValue, PlatformPerson, Value, same_text
from serving.deliveries.platforms.lti.members import read_members
from serving.deliveries.platforms.lti.services import LtiServices, with_path, with_query
from serving.deliveries.platforms.rest_client import Returned

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
SCORE, RESULTS, LINE_ITEM = f"{AGS}score", f"{AGS}result.readonly", f"{AGS}lineitem.readonly"
WRITABLE_LINE_ITEM = f"{AGS}lineitem"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
CANVAS_EXTENSION = "https://canvas.instructure.com/lti/submission"
CANVAS_PATH = "/api/lti/courses/"
RELEASED = "Students may see each grade at once. Hide the column in the platform's gradebook first to prevent that."


class _LineItem(Returned):
    scoreMaximum: float  # noqa: N815
    label: str = ""
    gradesReleased: bool | None = None  # noqa: N815


class _Result(Returned, coerce_numbers_to_str=True):
    userId: str  # noqa: N815
    resultScore: float | None = None  # noqa: N815
    resultMaximum: float | None = None  # noqa: N815
    comment: str | None = None


class LtiLink(Frozen):
    """The addresses of the services for a lab. `students`: the platform's user -> the lab's student, from launches."""

    line_item: str
    memberships: str | None
    students: Mapping[str, str] = Field(default_factory=dict)


class LtiPlatform:
    """Sends to one line item. Canvas is recognised by the addresses of its services."""

    comment_style: Literal["append", "replace", "none"] = "replace"
    announces_waiting = True
    stores_remarks = False

    def __init__(self, services: LtiServices, link: LtiLink) -> None:
        self._services, self._link = services, link
        self._canvas = CANVAS_PATH in link.line_item
        self._maximum: float | None = None
        self._returns_comments = False
        self.target = f"lti {link.line_item}"

    def read_assignment(self) -> Assignment:
        document = self._services.get(self._link.line_item, headers={"Accept": LINE_ITEM_TYPE})
        found: _LineItem = self._services.parse(_LineItem, document)
        if not found.scoreMaximum > 0:
            raise DeliveryError("platform-assignment-unsuitable", "The column of the gradebook has no maximum.")
        self._maximum = found.scoreMaximum
        warnings = () if found.gradesReleased is False else (RELEASED,)
        return Assignment(title=found.label, maximum=found.scoreMaximum, warnings=warnings)

    def read_people(self) -> tuple[PlatformPerson, ...]:
        return read_members(self._services, self._link.memberships, self._link.students)

    def read_values(self, person: str | None = None) -> Mapping[str, Value]:
        address = with_path(self._link.line_item, "/results")
        if person is not None:
            address = with_query(address, "user_id", person)
        found: list[_Result] = []
        for page in self._services.get_pages(address, headers={"Accept": RESULTS_TYPE}):
            found += self._services.parse(list[_Result], page)
        self._returns_comments |= any(each.comment for each in found)
        # A platform may ignore the filter by user.
        return {each.userId: self._value(each) for each in found if person in (None, each.userId)}

    def write(self, person: str, new: NewValue, current: Value) -> None:
        if self._canvas and new.repeated and new.comments:
            # Canvas adds comments, so an earlier request that is still on its way could add this one a second time.
            # After a score of a later time Canvas refuses it, and what the platform shows then is final.
            self._post(person, new.model_copy(update={"comments": ()}), current)
            current = self.read_values(person).get(person, Value())
            if shows(current, new) and not current.comments_hidden:
                return
            later = datetime.fromisoformat(new.at) + timedelta(milliseconds=1)
            new = new.model_copy(update={"at": later.isoformat(timespec="microseconds")})
        self._post(person, new, current)

    def _post(self, person: str, new: NewValue, current: Value) -> None:
        score = self._score(person, new, current)
        try:
            address = with_path(self._link.line_item, "/scores")
            self._services.request("POST", address, headers={"Content-Type": SCORE_TYPE}, json=score)
        except DeliveryError as error:
            # Refused for its time: the same request may have arrived before.
            if error.code != "platform-stale" or new.waiting:
                raise
            if not shows(self.read_values(person).get(person, Value()), new):
                raise

    def _score(self, person: str, new: NewValue, current: Value) -> dict[str, Any]:
        progress = "PendingManual" if new.waiting else "FullyGraded"
        score: dict[str, Any] = {
            "userId": person,
            "timestamp": new.at,
            "activityProgress": "Completed",
            "gradingProgress": progress,
            # A score is not a new attempt, does not clear a grade, and does not replace that of a teacher.
            CANVAS_EXTENSION: {
                "new_submission": False,
                "preserve_score": True,
                "prioritize_non_tool_grade": not new.overwrite,
            },
        }
        if new.total is not None:
            if new.total < 0 or not math.isfinite(new.total):
                raise DeliveryError("platform-value-refused", "LTI has no grades below 0.")
            score |= {"scoreGiven": new.total, "scoreMaximum": self._line_item_maximum()}
        text = "\n".join(new.comments)
        if text and not (self._canvas and any(same_text(text, each) for each in current.comments)):
            score["comment"] = text
        return score

    def _value(self, result: _Result) -> Value:
        total, maximum = result.resultScore, self._line_item_maximum()
        if total is not None and result.resultMaximum:
            total = total * maximum / result.resultMaximum
        hidden = not result.comment and not self._returns_comments
        return Value(total=total, comments=(result.comment,) if result.comment else (), comments_hidden=hidden)

    def _line_item_maximum(self) -> float:
        if self._maximum is None:
            self.read_assignment()
        assert self._maximum is not None
        return self._maximum
