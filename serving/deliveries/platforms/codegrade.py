"""CodeGrade: an assignment with a rubric, through its REST API.

The items that are chosen in the rubric are the grade, unless a person has overridden it. There is one rubric for each
assignment; a row that a test fills is locked, and continuous rows have no levels.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import httpx

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
)
from serving.deliveries.platforms.rest_client import Returned, TokenClient
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient

NEXT_PAGE = "Next-Token"
AT_ONCE = "Students see a grade at once if the assignment's grades are available. Set them to hidden first."


class _Item(Returned):
    id: int
    header: str
    points: float


class _Row(Returned):
    """A criterion. `locked` is false or the reason."""

    id: int
    header: str
    items: tuple[_Item, ...]
    locked: str | bool = False
    type: str


class _User(Returned):
    """`username` is missing for accounts that only a learning platform knows."""

    id: int
    username: str | None = None
    is_test_student: bool = False


class _Group(Returned):
    members: tuple[_User, ...]


class _Owner(_User):
    """A student, or a group whose members all get the grade of its submission."""

    group: _Group | None = None

    @property
    def students(self) -> tuple[_User, ...]:
        return self.group.members if self.group else (self,)


class _Submission(Returned):
    id: int
    user: _Owner
    created_at: str
    grade_overridden: bool = False


class _Chosen(Returned):
    item_id: int
    achieved_points: float


class _Api(TokenClient):
    platform, setting, root = "CodeGrade", "GRADER_CODEGRADE_TOKEN", "/api/v1"

    def next_page(self, response: httpx.Response) -> str | None:
        token = response.headers.get(NEXT_PAGE)
        return str(response.request.url.copy_set_param("next-token", token)) if token else None

    def list(self, path: str, kind: type[Any]) -> Iterator[Any]:
        """All items of a list, page by page."""
        for page in self.get_pages(self.url(path), {"page-size": "50"}):
            yield from self.parse(list[kind], page)  # type: ignore[valid-type]


class CodeGradePlatform:
    """`base` is the address of the institution's site, `assignment` the number in the address of the assignment."""

    comment_style: Literal["append", "replace", "none"] = "none"
    announces_waiting = False
    stores_remarks = False

    def __init__(
        self, client: OutboundClient, base: str, token: str, assignment: str, retries: Retries | None = None
    ) -> None:
        self._api = _Api(client, base, token, retries)
        self._path = self._api.assignment_path(assignment)
        self._rows: tuple[_Row, ...] = ()
        self._newest: dict[str, _Submission] = {}
        self._students: dict[str, _User] = {}
        self.target = f"codegrade {self._api.base}{self._path}"

    def read_assignment(self) -> Assignment:
        name = self._api.get(self._api.url(self._path)).get("name")
        self._rows = tuple(self._api.list(f"{self._path}/rubrics/", _Row))
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
        """The people with a submission: only a submission can have a grade."""
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
        path = f"/submissions/{self._newest[person].id}/rubricitems/"
        self._api.request("PUT", self._api.url(path), json={"items": items})

    def _read_submissions(self) -> dict[str, _Submission]:
        newest: dict[str, _Submission] = {}
        for each in self._api.list(f"{self._path}/submissions/", _Submission):
            for student in each.user.students:
                user = str(student.id)
                if not student.is_test_student and (user not in newest or each.created_at > newest[user].created_at):
                    newest[user] = each
                    self._students[user] = student
        self._newest = newest
        return newest

    def _value(self, submission: _Submission) -> Value:
        chosen = {each.item_id: each for each in self._api.list(f"/submissions/{submission.id}/rubricitems/", _Chosen)}
        criteria = {
            str(row.id): CriterionValue(level=str(item.id), points=chosen[item.id].achieved_points)
            for row in self._rows or self._api.list(f"{self._path}/rubrics/", _Row)
            for item in row.items
            if item.id in chosen
        }
        total = sum(each.points or 0 for each in criteria.values()) if criteria else None
        return Value(total=total, criteria=criteria, blocked="overridden" if submission.grade_overridden else "")


def _criterion(row: _Row) -> PlatformCriterion:
    levels = tuple(PlatformLevel(id=str(each.id), title=each.header, points=each.points) for each in row.items)
    return PlatformCriterion(id=str(row.id), title=row.header, levels=levels)


def _person(user: _User) -> PlatformPerson:
    """An account that came from a learning platform may have an e-mail address as its name."""
    name = user.username or ""
    kind = IdKind.EMAIL if "@" in name else IdKind.LOGIN
    return PlatformPerson(id=str(user.id), ids=ids((kind, name), (IdKind.PLATFORM, str(user.id))))
