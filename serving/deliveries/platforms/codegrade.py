"""CodeGrade: an assignment with a rubric, through its REST API.

The items that are chosen in the rubric are the grade, unless a person has overridden it. There is one rubric for each
assignment; a row that a test fills is locked, and continuous rows have no levels.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import httpx
from pydantic import ConfigDict, TypeAdapter, ValidationError

from labs_schema.frozen import Frozen
from labs_schema.imports.records import IdKind, PlatformId
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import (
    Assignment,
    CriterionValue,
    PlatformCriterion,
    PlatformLevel,
    PlatformPerson,
    PlatformRubric,
    Value,
)
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient

NEXT_PAGE = "Next-Token"
PAGES = 1000
_CODES = {
    400: "platform-value-refused",
    401: "platform-token",
    403: "platform-permission",
    404: "platform-not-found",
    409: "platform-stale",
    429: "platform-busy",
}
AT_ONCE = "Students see a grade at once if the assignment's grades are available. Set them to hidden first."


class _Returned(Frozen):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Item(_Returned):
    id: int
    header: str
    points: float


class _Row(_Returned):
    """A criterion. `locked` is false or the reason."""

    id: int
    header: str
    items: tuple[_Item, ...]
    locked: str | bool = False
    type: str


class _User(_Returned):
    """`username` is missing for accounts that only a learning platform knows."""

    id: int
    username: str | None = None
    is_test_student: bool = False


class _Group(_Returned):
    members: tuple[_User, ...]


class _Owner(_User):
    """A student, or a group whose members all get the grade of its submission."""

    group: _Group | None = None

    @property
    def students(self) -> tuple[_User, ...]:
        return self.group.members if self.group else (self,)


class _Submission(_Returned):
    id: int
    user: _Owner
    created_at: str
    grade_overridden: bool = False


class _Chosen(_Returned):
    item_id: int
    achieved_points: float


class CodeGradePlatform:
    """`base` is the address of the institution's site, `assignment` the number in the address of the assignment."""

    comment_style: Literal["append", "replace", "none"] = "none"
    announces_waiting = False
    stores_remarks = False

    def __init__(
        self, client: OutboundClient, base: str, token: str, assignment: str, retries: Retries | None = None
    ) -> None:
        if not token:
            raise DeliveryError("platform-token", "GRADER_CODEGRADE_TOKEN is not set.")
        if not re.fullmatch(r"\d{1,18}", assignment):
            raise DeliveryError("platform-not-found", "An id of CodeGrade must be a number.")
        self._base = base.rstrip("/")
        self._client, self._token, self._retries = client, token, retries or Retries()
        self._path = f"/assignments/{assignment}"
        self._rows: tuple[_Row, ...] = ()
        self._newest: dict[str, _Submission] = {}
        self._students: dict[str, _User] = {}
        self.target = f"codegrade {self._base}{self._path}"

    def read_assignment(self) -> Assignment:
        name = self._get(self._path).json().get("name")
        self._rows = tuple(self._list(f"{self._path}/rubrics/", _Row))
        if not self._rows:
            raise DeliveryError("platform-assignment-unsuitable", "The assignment has no rubric.")
        unsuitable = [each.header for each in self._rows if each.locked or each.type != "normal"]
        if unsuitable:
            message = (
                f"Some rows of the rubric are filled in by tests or have no levels: {', '.join(unsuitable)[:200]}."
            )
            raise DeliveryError("platform-assignment-unsuitable", message)
        rubric = PlatformRubric(criteria=tuple(map(_criterion, self._rows)))
        highest = sum(max((item.points for item in each.items), default=0.0) for each in self._rows)
        return Assignment(title=str(name or ""), maximum=highest, rubric=rubric, warnings=(AT_ONCE,))

    def read_people(self) -> tuple[PlatformPerson, ...]:
        """Those with a submission: only a submission can have a grade."""
        self._read_submissions()
        return tuple(map(_person, self._students.values()))

    def read_values(self, person: str | None = None) -> Mapping[str, Value]:
        """The newest submission of each person; it is read again, because a person may have submitted a new one."""
        found = self._read_submissions()
        return {user: self._value(each) for user, each in found.items() if person in (None, user)}

    def write(self, person: str, new: Value, current: Value) -> None:
        del current
        if person not in self._newest:
            raise DeliveryError("platform-student-unknown", "The student has no submission on the platform.")
        items = [{"item_id": int(value.level or 0), "multiplier": 1.0} for value in new.criteria.values()]
        self._request("PUT", f"/submissions/{self._newest[person].id}/rubricitems/", json={"items": items})

    def _read_submissions(self) -> dict[str, _Submission]:
        newest: dict[str, _Submission] = {}
        for each in self._list(f"{self._path}/submissions/", _Submission):
            for student in each.user.students:
                user = str(student.id)
                if not student.is_test_student and (user not in newest or each.created_at > newest[user].created_at):
                    newest[user] = each
                    self._students[user] = student
        self._newest = newest
        return newest

    def _value(self, submission: _Submission) -> Value:
        chosen = {each.item_id: each for each in self._list(f"/submissions/{submission.id}/rubricitems/", _Chosen)}
        criteria = {
            str(row.id): CriterionValue(level=str(item.id), points=chosen[item.id].achieved_points)
            for row in self._rows or self._list(f"{self._path}/rubrics/", _Row)
            for item in row.items
            if item.id in chosen
        }
        total = sum(each.points or 0 for each in criteria.values()) if criteria else None
        return Value(total=total, criteria=criteria, blocked="overridden" if submission.grade_overridden else "")

    def _list(self, path: str, kind: type[Any]) -> Iterator[Any]:
        """All items of a list, page by page."""
        token: str | None = None
        for _ in range(PAGES):
            response = self._get(path, {"page-size": "50", **({"next-token": token} if token else {})})
            try:
                yield from TypeAdapter(list[kind]).validate_json(response.content)  # type: ignore[valid-type]
            except ValidationError as error:
                raise DeliveryError("platform-unexpected", "A list of CodeGrade is not as documented.") from error
            token = response.headers.get(NEXT_PAGE)
            if not token:
                return
        raise DeliveryError("platform-unexpected", f"A list of CodeGrade has more than {PAGES} pages.")

    def _get(self, path: str, params: dict[str, str] | None = None) -> httpx.Response:
        return self._retries.call(lambda: self._request("GET", path, params=params or {}))

    def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}"}
        response = self._client.request(method, f"{self._base}/api/v1{path}", headers=headers, **content)
        status = response.status_code
        if status != 200:
            code = _CODES.get(status, "platform-unavailable" if status >= 500 else "platform-unexpected")
            message = f"CodeGrade answered with status {status}."
            raise DeliveryError(code, message, platform_text=response.text[:500])
        return response


def _criterion(row: _Row) -> PlatformCriterion:
    levels = tuple(PlatformLevel(id=str(each.id), title=each.header, points=each.points) for each in row.items)
    return PlatformCriterion(id=str(row.id), title=row.header, levels=levels)


def _person(user: _User) -> PlatformPerson:
    """An account that came from a learning platform may have an e-mail address as its name."""
    name = user.username or ""
    kind = IdKind.EMAIL if "@" in name else IdKind.LOGIN
    login = (PlatformId(kind, name),) if name else ()
    return PlatformPerson(id=str(user.id), ids=(*login, PlatformId(IdKind.PLATFORM, str(user.id))))
