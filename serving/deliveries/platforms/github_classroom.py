"""GitHub Classroom: a comment on the pull request `Feedback` of each student's repository.

GitHub Classroom has no interface for writing grades. The comment has the total and the feedback, and a later delivery
changes it. Only comments of the token's own account count: students can comment too.
"""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, NoReturn

import httpx
from pydantic import ConfigDict, TypeAdapter, ValidationError

from labs_schema.frozen import Frozen
from labs_schema.imports.records import IdKind, PlatformId
from labs_schema.tables.csv_writer import number
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import Assignment, NewValue, PlatformPerson, Value
from serving.deliveries.platforms.responses import PAGES, next_page, stated_wait
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


class _Returned(Frozen):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _User(_Returned):
    login: str


class _Repository(_Returned):
    full_name: str


class _Accepted(_Returned):
    """Several students if it is the repository of a team. There is no repository until GitHub has made it."""

    students: tuple[_User, ...]
    repository: _Repository | None = None


class _Graded(_Returned):
    github_username: str
    roster_identifier: str | None = None


class _PullRequest(_Returned):
    number: int
    title: str


class _Comment(_Returned):
    id: int
    body: str | None = None
    user: _User | None = None


class _Found(NamedTuple):
    """The conversation of a pull request, and the own comment in it if there is one."""

    comments: str
    own: _Comment | None


class GitHubClassroomPlatform:
    """`assignment` is the number that the API of GitHub Classroom gives it; `api` the address of the API."""

    comment_style: Literal["append", "replace", "none"] = "replace"
    announces_waiting = False
    stores_remarks = False

    def __init__(
        self, client: OutboundClient, token: str, assignment: str, api: str = API, retries: Retries | None = None
    ) -> None:
        if not token:
            raise DeliveryError("platform-token", "GRADER_GITHUB_TOKEN is not set.")
        if not re.fullmatch(r"\d{1,18}", assignment):
            raise DeliveryError("platform-not-found", "An id of GitHub Classroom must be a number.")
        self._api = api.rstrip("/")
        self._client, self._token, self._retries = client, token, retries or Retries()
        self._path = f"/assignments/{assignment}"
        self._login = ""
        self._repositories: dict[str, str] = {}
        self.target = f"github-classroom {self._api}{self._path}"

    def read_assignment(self) -> Assignment:
        self._login = _read(_User, self._get("/user")).login
        title = self._get(self._path).get("title")
        return Assignment(title=str(title or ""), maximum=None, warnings=(AT_ONCE,))

    def read_people(self) -> tuple[PlatformPerson, ...]:
        """The students who accepted the assignment, with their identifiers on the roster."""
        graded = _read(list[_Graded], self._get(f"{self._path}/grades"))
        roster = {each.github_username: each.roster_identifier for each in graded}
        accepted = _read(list[_Accepted], list(self._list(f"{self._path}/accepted_assignments")))
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
            self._request("POST", self._api + found.comments, json=body)
        else:
            repository = found.comments.split("/issues/")[0]
            self._request("PATCH", f"{self._api}{repository}/issues/comments/{found.own.id}", json=body)

    def _find(self, person: str) -> _Found | None:
        """None without the repository or the pull request. One that a student opens has a higher number."""
        repository = self._repositories.get(person, "")
        if not _REPOSITORY.fullmatch(repository):
            return None
        listed = self._list(f"/repos/{repository}/pulls", state="all", base=BASE, sort="created", direction="asc")
        requests = _read(list[_PullRequest], list(listed))
        numbers = [each.number for each in requests if each.title.strip().lower() == TITLE]
        if not numbers:
            return None
        path = f"/repos/{repository}/issues/{min(numbers)}/comments"
        comments = _read(list[_Comment], list(self._list(path)))
        own = [each for each in comments if each.user and each.user.login == self._login and _parsed(each)]
        return _Found(path, own[0] if own else None)

    def _get(self, path: str, **params: str) -> Any:
        return _json(self._fetch(str(httpx.URL(self._api + path, params=params))))

    def _list(self, path: str, **params: str) -> Iterator[Any]:
        """All items of a list, page by page."""
        url = str(httpx.URL(self._api + path, params={"per_page": "100", **params}))
        for _ in range(PAGES):
            response = self._fetch(url)
            items = _json(response)
            if not isinstance(items, list):
                raise DeliveryError("platform-unexpected", "GitHub answered with something other than a list.")
            yield from items
            following = next_page(response)
            if following is None:
                return
            url = following
            if not url.startswith(f"{self._api}/"):  # the token must not go to another host
                raise DeliveryError("platform-unexpected", "A page of GitHub continues at another host.")
        raise DeliveryError("platform-unexpected", f"A list of GitHub has more than {PAGES} pages.")

    def _fetch(self, url: str) -> httpx.Response:
        return self._retries.call(lambda: self._request("GET", url))

    def _request(self, method: str, url: str, **content: Any) -> httpx.Response:
        headers = {**_HEADERS, "Authorization": f"Bearer {self._token}"}
        response = self._client.request(method, url, headers=headers, **content)
        if response.status_code not in (200, 201):
            _raise(response)
        return response


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
    ids = (PlatformId(IdKind.NUMBER, identifier),) if identifier else ()
    return PlatformPerson(id=login, ids=(*ids, PlatformId(IdKind.PLATFORM, login)))


def _read(kind: Any, document: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        raise DeliveryError("platform-unexpected", "An answer of GitHub is not as documented.") from error


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise DeliveryError("platform-unexpected", "GitHub answered with something other than JSON.") from error


def _raise(response: httpx.Response) -> NoReturn:
    """GitHub limits requests with 403 or 429, and states when the limit ends in one of two headers."""
    status, wait = response.status_code, stated_wait(response)
    code = {
        401: "platform-token",
        403: "platform-permission",
        404: "platform-not-found",
        410: "platform-not-found",
        422: "platform-value-refused",
        429: "platform-busy",
    }.get(status, "platform-unavailable" if status >= 500 else "platform-unexpected")
    used_up = response.headers.get("X-RateLimit-Remaining") == "0"
    if status == 403 and (used_up or wait is not None or "rate limit" in response.text[:1000].lower()):
        code = "platform-busy"
    if code == "platform-busy" and wait is None and used_up:
        reset = response.headers.get("X-RateLimit-Reset", "")
        wait = max(0.0, float(reset) - time.time()) if re.fullmatch(r"\d{1,12}", reset) else None
    raise DeliveryError(code, f"GitHub answered with status {status}.", platform_text=response.text[:500], wait=wait)
