"""GitHub Classroom: a comment on the pull request `Feedback` of each student's repository.

GitHub Classroom has no interface for writing grades. The comment has the total and the feedback, and a later delivery
changes it. Only comments of the token's own account count: students can comment too.
"""

import re
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import httpx

from labs_schema.imports.identities import ids
from labs_schema.imports.records import IdKind
from labs_schema.tables.csv_writer import number
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import Assignment, NewValue, PlatformPerson, Value
from serving.deliveries.platforms.rest_client import Returned, TokenClient, stated_wait
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient

API = "https://api.github.com"
TITLE, BASE = "feedback", "feedback"
"""GitHub Classroom opens the pull request with this title, and into a branch of this name."""
AT_ONCE = "Students see the comment at once, and GitHub notifies them."
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)
_COMMENT = re.compile(
    r"<!-- grader: total (?P<total>\d{1,9}(?:\.\d{1,6})?) -->\n.*?\n(?P<fence>`{3,})text\n(?P<text>.*)\n(?P=fence)",
    re.DOTALL,
)


class _User(Returned):
    login: str


class _Repository(Returned):
    full_name: str


class _Accepted(Returned):
    """Several students if it is the repository of a team. There is no repository until GitHub has made it."""

    students: tuple[_User, ...]
    repository: _Repository | None = None


class _Graded(Returned):
    github_username: str
    roster_identifier: str | None = None


class _PullRequest(Returned):
    number: int
    title: str


class _Comment(Returned):
    id: int
    body: str | None = None
    user: _User | None = None


class _Found(NamedTuple):
    """The conversation of a pull request, and our comment in it if there is one."""

    comments: str
    own: _Comment | None


class _Api(TokenClient):
    platform, setting = "GitHub", "GRADER_GITHUB_TOKEN"

    def read(self, path: str) -> Any:
        return self.get(self.url(path))

    def list(self, path: str, kind: type[Any], **params: str) -> Any:
        """All items of a list, of all pages."""
        listed = self.get_items(self.url(path), {"per_page": "100", **params})
        return self.parse(list[kind], [*listed])  # type: ignore[valid-type]

    def headers(self) -> dict[str, str]:
        return super().headers() | _HEADERS

    def code(self, response: httpx.Response) -> str:
        """GitHub limits requests with 403 or 429."""
        limited = (
            _used_up(response) or stated_wait(response) is not None or "rate limit" in response.text[:1000].lower()
        )
        return "platform-busy" if response.status_code == 403 and limited else super().code(response)

    def wait(self, response: httpx.Response) -> float | None:
        """GitHub states when the limit ends in one of two headers."""
        reset = response.headers.get("X-RateLimit-Reset", "")
        if stated_wait(response) is None and _used_up(response) and re.fullmatch(r"\d{1,12}", reset):
            return max(0.0, float(reset) - time.time())
        return stated_wait(response)


class GitHubClassroomPlatform:
    """`assignment` is the number that the API of GitHub Classroom gives it; `api` the address of the API."""

    comment_style: Literal["append", "replace", "none"] = "replace"
    announces_waiting = False
    stores_remarks = False

    def __init__(
        self, client: OutboundClient, token: str, assignment: str, api: str = API, retries: Retries | None = None
    ) -> None:
        self._api = _Api(client, api, token, retries)
        self._path = self._api.assignment_path(assignment)
        self._login = ""
        self._repositories: dict[str, str] = {}
        self.target = f"github-classroom {self._api.base}{self._path}"

    def read_assignment(self) -> Assignment:
        self._login = self._api.parse(_User, self._api.read("/user")).login
        title = self._api.read(self._path).get("title")
        return Assignment(title=str(title or ""), maximum=None, warnings=(AT_ONCE,))

    def read_people(self) -> tuple[PlatformPerson, ...]:
        """The students who accepted the assignment, with their identifiers on the roster."""
        graded = self._api.parse(list[_Graded], self._api.read(f"{self._path}/grades"))
        roster = {each.github_username: each.roster_identifier for each in graded}
        accepted = self._api.list(f"{self._path}/accepted_assignments", _Accepted)
        self._repositories = {
            user.login: each.repository.full_name if each.repository else ""
            for each in accepted
            for user in each.students
        }
        return tuple(_person(login, roster.get(login)) for login in self._repositories)

    def read_values(self, person: str | None = None) -> Mapping[str, Value]:
        people = self._repositories if person is None else [person]
        found = {each: self._find(each) for each in people}
        return {each: _value(own) for each, at in found.items() if at and (own := at.own)}

    def write(self, person: str, new: NewValue, current: Value) -> None:
        del current
        found = self._find(person)
        if found is None:
            message = "The student has no repository with a pull request 'Feedback'. Enable it for the assignment."
            raise DeliveryError("platform-student-unknown", message)
        body = {"body": comment_body(new.total or 0, new.comments)}
        if found.own is None:
            self._api.request("POST", self._api.url(found.comments), json=body)
        else:
            repository = found.comments.split("/issues/")[0]
            self._api.request("PATCH", self._api.url(f"{repository}/issues/comments/{found.own.id}"), json=body)

    def _find(self, person: str) -> _Found | None:
        """None without the repository or the pull request. One that a student opens has a higher number."""
        repository = self._repositories.get(person, "")
        if not _REPOSITORY.fullmatch(repository):
            return None
        oldest = {"state": "all", "base": BASE, "sort": "created", "direction": "asc"}
        requests = self._api.list(f"/repos/{repository}/pulls", _PullRequest, **oldest)
        numbers = [each.number for each in requests if each.title.strip().lower() == TITLE]
        if not numbers:
            return None
        path = f"/repos/{repository}/issues/{min(numbers)}/comments"
        comments = self._api.list(path, _Comment)
        own = [each for each in comments if each.user and each.user.login == self._login and _parsed(each)]
        return _Found(path, own[0] if own else None)


def comment_body(total: float, comments: tuple[str, ...]) -> str:
    """In a code block `@name` notifies no one, `#1` is not a link, and HTML is text. The fence is longer than any run
    of backticks in the text."""
    text = "\n\n".join(comments)
    fence = "`" * (max((len(each) for each in re.findall("`+", text)), default=0) + 3)
    return f"<!-- grader: total {number(total)} -->\n**Total: {number(total)}**\n\n{fence}text\n{text}\n{fence}\n"


def _parsed(comment: _Comment) -> re.Match[str] | None:
    return _COMMENT.match((comment.body or "").replace("\r\n", "\n"))


def _value(comment: _Comment) -> Value:
    parsed = _parsed(comment)
    assert parsed is not None
    return Value(total=float(parsed["total"]), comments=(parsed["text"],))


def _person(login: str, identifier: str | None) -> PlatformPerson:
    return PlatformPerson(id=login, ids=ids((IdKind.NUMBER, identifier or ""), (IdKind.PLATFORM, login)))


def _used_up(response: httpx.Response) -> bool:
    return bool(response.headers.get("X-RateLimit-Remaining") == "0")
