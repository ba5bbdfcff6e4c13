"""Canvas: an assignment with or without a rubric, through its REST API.

Canvas stores a grade before it checks the rubric, drops criteria it does not know, replaces all ratings of an earlier
assessment, lets the rubric's sum replace the grade, and appends a comment for every request that has one.
"""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Literal

from labs_schema.imports.identities import ids
from labs_schema.imports.records import IdKind
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import (
    Assignment,
    CriterionValue,
    PlatformCriterion,
    PlatformLevel,
    PlatformPerson,
    PlatformRubric,
    Value,
    same_text,
)
from serving.deliveries.platforms.canvas_api import CanvasApi

INCLUDE = ["rubric_assessment", "full_rubric_assessment", "submission_comments"]
GRADING_TYPES = ("points", "percent", "letter_grade", "gpa_scale")
POSTED = "Canvas shows each grade to the student at once. Set the assignment's grade posting policy to manual first."
GROUP = "This is a group assignment: Canvas copies each grade to all members of the group."


class CanvasPlatform:
    """`course` and `assignment` are the numbers in the address of the assignment's page."""

    comment_style: Literal["append", "replace", "none"] = "append"
    announces_waiting = False
    stores_remarks = True

    def __init__(self, api: CanvasApi, course: str, assignment: str) -> None:
        self._api, self._course = api, f"/courses/{_number(course)}"
        self._assignment = f"{self._course}/assignments/{_number(assignment)}"
        self.target = f"canvas {api.base}{self._assignment}"

    def read_assignment(self) -> Assignment:
        found = self._api.read(self._assignment)
        if found.get("grading_type", "points") not in GRADING_TYPES or found.get("anonymous_grading"):
            raise DeliveryError(
                "platform-assignment-unsuitable", "The assignment is anonymous, or its grade is not a number of points."
            )
        warnings = [] if found.get("post_manually") else [POSTED]
        if found.get("group_category_id") and not found.get("grade_group_students_individually"):
            warnings.append(GROUP)
        criteria = [each for each in found.get("rubric") or () if not each.get("ignore_for_scoring")]
        return Assignment(
            title=str(found.get("name", "")),
            maximum=found.get("points_possible"),
            rubric=PlatformRubric(criteria=tuple(map(_criterion, criteria))) if criteria else None,
            warnings=tuple(warnings),
        )

    def read_people(self) -> tuple[PlatformPerson, ...]:
        wanted = {"enrollment_type[]": "student", "enrollment_state[]": ["active", "invited"], "include[]": "email"}
        return tuple(map(_person, self._api.read_all(f"{self._course}/users", **wanted)))

    def read_values(self, person: str | None = None) -> Mapping[str, Value]:
        path = f"{self._assignment}/submissions"
        if person is not None:
            return {person: _value(self._api.read(f"{path}/{_number(person)}", **{"include[]": INCLUDE}))}
        return {str(each["user_id"]): _value(each) for each in self._api.read_all(path, **{"include[]": INCLUDE})}

    def write(self, person: str, new: Value, current: Value) -> Value | None:
        path = f"{self._assignment}/submissions/{_number(person)}"
        form = {"submission[posted_grade]": _text(new.total)} if new.total is not None else {}
        for criterion, value in (current.criteria | new.criteria).items() if new.criteria else ():
            form |= _assessment(f"rubric_assessment[{criterion}]", value)
        missing = [text for text in new.comments if not any(same_text(text, each) for each in current.comments)]
        if missing:
            form["comment[text_comment]"] = "\n\n".join(missing)
        self._api.put(path, form)
        after = self._api.read(path, **{"include[]": INCLUDE})
        return None if self._delete_repeated_comments(path, after, new.comments) else _value(after)

    def _delete_repeated_comments(self, path: str, shown: dict[str, Any], texts: tuple[str, ...]) -> bool:
        """A request that a proxy repeats, or that was thought lost, leaves a comment twice. Whether there was one."""
        comments = shown.get("submission_comments") or []
        repeated = [
            each
            for text in texts
            for each in [each for each in comments if same_text(_plain(each.get("comment")), text)][1:]
        ]
        for each in repeated:
            self._api.delete(f"{path}/comments/{_number(str(each['id']))}")
        return bool(repeated)


def _criterion(found: dict[str, Any]) -> PlatformCriterion:
    levels = tuple(
        PlatformLevel(id=str(each["id"]), title=_plain(each.get("description")), points=each.get("points"))
        for each in found.get("ratings") or ()
    )
    return PlatformCriterion(id=str(found["id"]), title=_plain(found.get("description")), levels=levels)


def _person(found: dict[str, Any]) -> PlatformPerson:
    """Without the permission to see student numbers, `sis_user_id` is missing."""
    number, login, email = (str(found.get(name) or "") for name in ("sis_user_id", "login_id", "email"))
    email = email or (login if "@" in login else "")
    own = str(found["id"])
    known = ids((IdKind.NUMBER, number), (IdKind.LOGIN, login), (IdKind.EMAIL, email), (IdKind.PLATFORM, own))
    return PlatformPerson(id=own, ids=known)


def _value(found: dict[str, Any]) -> Value:
    """`entered_score` is the grade before a late policy deducts points from it."""
    assessed = found.get("rubric_assessment") or {}
    return Value(
        total=found.get("entered_score") if found.get("entered_score") is not None else found.get("score"),
        criteria={
            str(criterion): CriterionValue(
                level=each.get("rating_id"), points=each.get("points"), comment=_plain(each.get("comments"))
            )
            for criterion, each in assessed.items()
        },
        comments=tuple(_plain(each.get("comment")) for each in found.get("submission_comments") or ()),
        blocked="excused" if found.get("excused") else "",
    )


def _assessment(name: str, value: CriterionValue) -> dict[str, str]:
    """Sends the rating's id, as two ratings may have equal points, and the points, without which there is no score."""
    form = {f"{name}[rating_id]": value.level} if value.level else {}
    if value.points is not None:
        form[f"{name}[points]"] = _text(value.points)
    return form | {f"{name}[comments]": value.comment}


def _text(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _number(text: str) -> str:
    """An id of Canvas, as part of a path."""
    if not re.fullmatch(r"\d{1,20}(~\d{1,20})?", text):
        raise DeliveryError("platform-not-found", "An id of Canvas must be a number.")
    return text


def _plain(html: object) -> str:
    """Comments and descriptions may be HTML."""
    return unescape(re.sub(r"</?(?:a|b|br|div|em|i|li|ol|p|span|strong|u|ul)\b[^<>]{0,500}>", " ", str(html or "")))
