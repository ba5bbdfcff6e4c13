"""The services of a strict LTI platform: line items, scores and results (AGS 2.0), names and roles (NRPS 2.0).

Scores follow the rules of Moodle 4.3 or of Canvas. The traps of Canvas: a score is a new attempt unless it states
otherwise, comments are appended, and a score that is not graded clears a grade.
"""

import json
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

AGS, NRPS = "https://purl.imsglobal.org/spec/lti-ags/scope/", "https://purl.imsglobal.org/spec/lti-nrps/scope/"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
MEMBERS_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
CANVAS = "https://canvas.instructure.com/lti/submission"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)")
ACTIVITIES = {"Initialized", "Started", "InProgress", "Submitted", "Completed"}
GRADINGS = {"FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"}
PATHS = {
    "moodle": re.compile(r"/course/2/lineitems(?:/(\d+)/lineitem(/scores|/results)?)?"),
    "canvas": re.compile(r"/api/lti/courses/2/line_items(?:/(\d+)(/scores|/results)?)?"),
}
Json = dict[str, Any]


class RefusedError(Exception):
    """The platform's refusal, with its status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(reason)


@dataclass(frozen=True)
class Request:
    """`headers` have lower-case names."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip()

    def form(self) -> dict[str, str]:
        form = self.content_type == "application/x-www-form-urlencoded"
        return dict(parse_qsl(self.body.decode())) if form else {}

    def json(self) -> Json:
        try:
            found = json.loads(self.body)
        except ValueError as error:
            raise RefusedError(400, "not JSON") from error
        if not isinstance(found, dict):
            raise RefusedError(400, "not an object")
        return found


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    kind: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """A person's entry in the gradebook. `at`: Unix seconds of its last change; `comments`: all that were shown.

    `sent`: the score as the tool sees it. Canvas has none before the tool's first score, and shows the tool's own score
    where a teacher's was not replaced.
    """

    score: float | None = None
    sent: float | None = None
    comment: str | None = None
    at: float = 0.0
    by_person: bool = False
    attempts: int = 0
    comments: list[str] = field(default_factory=list)
    progress: str = ""


class Services:
    """`people` are those of the course by their user id; `results` the gradebook by line item and user id."""

    url = ""
    token_seconds = 3600
    page = 50

    def __init__(self, flavour: Literal["moodle", "canvas"]) -> None:
        self.flavour = flavour
        self.people: dict[str, Json] = {}
        self.items: dict[str, Json] = {"1": {"label": "Lab 1", "scoreMaximum": 3, "resourceLinkId": "link-3", "x": 1}}
        self.results: dict[str, dict[str, Result]] = {"1": {}}
        self.tokens: dict[str, tuple[float, frozenset[str]]] = {}
        self.scopes = [f"{AGS}{each}" for each in ("lineitem", "result.readonly", "score")]
        self.membership_scopes = [f"{NRPS}contextmembership.readonly"]
        self.returns_comments, self.half = True, False
        self.posted: list[Json] = []
        self.lock = threading.RLock()

    @property
    def line_items_url(self) -> str:
        canvas = f"{self.url}/api/lti/courses/2/line_items"
        return canvas if self.flavour == "canvas" else f"{self.url}/course/2/lineitems?type_id=1"

    @property
    def line_item_url(self) -> str:
        return self.item_url("1")

    @property
    def memberships_url(self) -> str:
        return f"{self.url}/course/2/memberships"

    def item_url(self, number: str) -> str:
        canvas = f"{self.url}/api/lti/courses/2/line_items/{number}"
        return canvas if self.flavour == "canvas" else f"{self.url}/course/2/lineitems/{number}/lineitem?type_id=1"

    def enrol(self, count: int, **fields: Any) -> None:
        """Students `s000`, `s001`, ... with the user ids `u0`, `u1`, ..."""
        learner = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
        for n in range(count):
            person = {"user_id": f"u{n}", "roles": [learner], "status": "Active", "lis_person_sourcedid": f"s{n:03d}"}
            named = {"name": f"Name {n}", "email": f"mail{n}@uni.example"}
            self.people[f"u{n}"] = {**person, **named, **fields}

    def grade_as_teacher(self, user: str, score: float | None, comment: str | None = None) -> None:
        """A teacher's entry, with the platform's own time."""
        result = self.results["1"].setdefault(user, Result())
        result.score, result.sent, result.comment = score, score, comment
        result.at, result.by_person = time.time(), True

    def scores(self) -> dict[str, float | None]:
        """Student -> score, of everyone with an entry in the gradebook."""
        return {self.people[user]["lis_person_sourcedid"]: each.score for user, each in self.results["1"].items()}

    # Requests

    def serve(self, request: Request) -> Answer:
        found = PATHS[self.flavour].fullmatch(request.path)
        if request.path == "/course/2/memberships":
            return self._memberships(request)
        if found is None or (found[1] and found[1] not in self.items):
            raise RefusedError(404, "Line item does not exist")
        # The query of a line item's address belongs to its scores and results too.
        if self.flavour == "moodle" and request.query.get("type_id") != "1":
            raise RefusedError(401, "type_id")
        if found[2] == "/scores":
            return self._score(request, found[1])
        if found[2] == "/results":
            return self._results(request, found[1])
        return self._item(request, found[1]) if found[1] else self._items(request)

    def _allow(self, request: Request, *scopes: str) -> None:
        until, granted = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "), (0, ()))
        if until < time.time():
            raise RefusedError(401, "token unknown or expired")
        if not {*scopes} & {*granted}:
            raise RefusedError(403 if self.flavour == "moodle" else 401, "insufficient scope")

    def _items(self, request: Request) -> Answer:
        if request.method == "POST":
            self._allow(request, f"{AGS}lineitem")
            new = request.json()
            if request.content_type != ITEM_TYPE or not new.get("label") or not new.get("scoreMaximum", 0) > 0:
                raise RefusedError(400, "No label or Score Maximum")
            number = str(len(self.items) + 1)
            self.items[number], self.results[number] = new, {}
            return Answer(201, {**new, "id": self.item_url(number)}, ITEM_TYPE)
        self._allow(request, f"{AGS}lineitem", f"{AGS}lineitem.readonly")
        _accepts(request, ITEMS_TYPE)
        names = {"resource_link_id": "resourceLinkId", "resource_id": "resourceId", "tag": "tag"}
        wanted = {field: request.query[name] for name, field in names.items() if name in request.query}
        shown = [{**each, "id": self.item_url(number)} for number, each in self.items.items()
                 if all(each.get(name) == value for name, value in wanted.items())]  # fmt: skip
        return self._paged(request, shown, ITEMS_TYPE)

    def _item(self, request: Request, number: str) -> Answer:
        if request.method == "PUT":
            self._allow(request, f"{AGS}lineitem")
            self.items[number] = request.json()
        else:
            self._allow(request, f"{AGS}lineitem", f"{AGS}lineitem.readonly")
            _accepts(request, ITEM_TYPE)
        return Answer(200, {**self.items[number], "id": self.item_url(number)}, ITEM_TYPE)

    def _results(self, request: Request, number: str) -> Answer:
        self._allow(request, f"{AGS}result.readonly")
        _accepts(request, RESULTS_TYPE)
        shown = [self._shown(number, user, each) for user, each in self.results[number].items()
                 if request.query.get("user_id", user) == user
                 and (each.progress or self.flavour == "moodle")]  # fmt: skip
        return self._paged(request, shown, RESULTS_TYPE)

    def _shown(self, number: str, user: str, result: Result) -> Json:
        found: Json = {"id": f"{self.item_url(number)}&user={user}", "userId": user, "scoreOf": self.item_url(number)}
        if result.sent is not None:
            found |= {"resultScore": result.sent, "resultMaximum": self.items[number]["scoreMaximum"]}
        if result.comment and self.returns_comments and (result.sent is not None or self.flavour == "canvas"):
            found["comment"] = result.comment
        return found

    def _memberships(self, request: Request) -> Answer:
        self._allow(request, *self.membership_scopes)
        _accepts(request, MEMBERS_TYPE)
        role = request.query.get("role", "")
        members = [each for each in self.people.values() if not role or any(role in has for has in each["roles"])]
        answer = self._paged(request, members, MEMBERS_TYPE)
        context = {"id": "course-2", "label": "CS101", "title": "Programming"}
        body = {"id": self.memberships_url, "context": context, "members": answer.body}
        return Answer(200, body, MEMBERS_TYPE, answer.headers)

    def _paged(self, request: Request, found: list[Json], kind: str) -> Answer:
        start, size = int(request.query.get("from", 0)), min(int(request.query.get("limit", self.page)), self.page)
        rest = urlencode({**request.query, "from": start + size})
        more = {"Link": f'<{self.url}{request.path}?{rest}>; rel="next"'} if start + size < len(found) else {}
        return Answer(200, found[start : start + size], kind, more)

    # Scores

    def _score(self, request: Request, number: str) -> Answer:
        if request.method != "POST":
            raise RefusedError(405, "GET requests are not allowed.")
        self._allow(request, f"{AGS}score")
        score = request.json()
        if request.content_type != SCORE_TYPE:
            raise RefusedError(400, "unsupported content type")
        refused = 400 if self.flavour == "moodle" else 422
        if wrong := _faults(score):
            raise RefusedError(refused, f"Incorrect score received: {wrong}")
        user = score["userId"]
        if not any("Learner" in role for role in self.people.get(user, {}).get("roles", ())):
            raise RefusedError(refused, "user not gradable")
        result = self.results[number].setdefault(user, Result())
        maximum = self.items[number]["scoreMaximum"]
        given = score.get("scoreGiven")
        points = None if given is None else given * maximum / score["scoreMaximum"]
        (self._moodle if self.flavour == "moodle" else self._canvas)(result, score, points)
        self.posted.append(score)
        return Answer(200, {"resultUrl": f"{self.url}/results/{user}"} if self.flavour == "canvas" else "", SCORE_TYPE)

    def _moodle(self, result: Result, score: Json, points: float | None) -> None:
        """Times are compared in whole seconds; without a score the time of the entry does not change.

        A column of an activity has the time at which the score was received, another one that of the score: the later
        of both is the stricter rule.
        """
        at = datetime.fromisoformat(score["timestamp"]).timestamp()
        if result.at and int(result.at) >= int(at):
            raise RefusedError(409, "Refusing score with an earlier timestamp")
        result.score = result.sent = points if score["gradingProgress"] == "FullyGraded" else None
        result.at = max(at, time.time()) if points is not None else result.at
        result.by_person, result.progress = False, score["gradingProgress"]
        self._comment(result, score, append=False)

    def _canvas(self, result: Result, score: Json, points: float | None) -> None:
        at, extension = datetime.fromisoformat(score["timestamp"]).timestamp(), score.get(CANVAS, {})
        if result.at > at:
            raise RefusedError(400, "Provided timestamp before last updated timestamp")
        if extension.get("new_submission", True) and extension.get("submission_type") != "none":
            result.attempts += 1
        if not (result.by_person and extension.get("prioritize_non_tool_grade")):
            if score["gradingProgress"] in ("FullyGraded", "PendingManual") and points is not None:
                result.score, result.by_person = points, False
            elif not extension.get("preserve_score"):
                result.score = None
        result.sent, result.at, result.progress = points, at, score["gradingProgress"]
        self._comment(result, score, append=True)

    def _comment(self, result: Result, score: Json, *, append: bool) -> None:
        text = score.get("comment") or None
        if self.half or (append and text is None):
            return
        result.comment = text
        if text is not None and (append or text not in result.comments[-1:]):
            result.comments.append(text)


def _accepts(request: Request, kind: str) -> None:
    if kind not in request.headers.get("accept", ""):
        raise RefusedError(406, f"Accept is not {kind}")


def _faults(score: Json) -> str:
    """The fields of a score that break the specification; empty if none does."""
    given, maximum = score.get("scoreGiven"), score.get("scoreMaximum")
    checks = {
        "userId": isinstance(score.get("userId"), str) and score["userId"] != "",
        "timestamp": STAMP.fullmatch(str(score.get("timestamp"))) is not None,
        "activityProgress": score.get("activityProgress") in ACTIVITIES,
        "gradingProgress": score.get("gradingProgress") in GRADINGS,
        "scoreGiven": given is None or (isinstance(given, int | float) and given >= 0),
        "scoreMaximum": given is None or (isinstance(maximum, int | float) and maximum > 0),
        "scoringUserId": "scoringUserId" not in score or bool(score["scoringUserId"]),
        "comment": isinstance(score.get("comment", ""), str),
    }
    return ", ".join(name for name, right in checks.items() if not right)
