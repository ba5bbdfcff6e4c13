"""A strict Canvas: its published paths, its paging, and its traps. Faults are injected request by request.

The traps: a grade is stored before the rubric is checked; unknown criteria are dropped; a new assessment replaces all
ratings; the rubric's sum replaces the grade; comments are only ever appended; without a rubric association the
assessment is ignored; ids are numbers unless string ids are requested; throttling is a 403 in plain text.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.harness.quiet_server import QuietServer

TOKEN = "canvas-token"
COURSE, ASSIGNMENT = 101, 2 << 53
"""The assignment's id is above 2^53, where JSON numbers lose digits."""
THROTTLED = "403 Forbidden (Rate Limit Exceeded)\n"
Fault = str
"""`drop` closes the connection before, `lose` after the request is processed, `late` processes it after the next
requests, `half` stores the grade only, `twice` processes it two times, `500`, `403` and `429` answer with that status.
"""
LATE = 5
"""Requests that overtake a late one."""


class FakeCanvas:
    """`faults(method, count)` names the fault of a request; `count` is its number among those with this method."""

    def __init__(self, students: int, rubric: list[dict[str, Any]] | None = None, points: float = 3) -> None:
        self.rubric, self.points = rubric, points
        self.use_for_grading, self.association = True, rubric is not None
        self.assignment_fields: dict[str, Any] = {"post_manually": True, "grading_type": "points"}
        self.users = [
            {"id": 10_000 + n, "sis_user_id": f"s{n:03d}", "login_id": f"login{n}", "name": f"Name {n}"}
            for n in range(students)
        ]
        self.submissions: dict[int, dict[str, Any]] = {int(user["id"]): _submission(user) for user in self.users}
        self.files: dict[str, bytes] = {}
        self.faults: Callable[[str, int], Fault | None] = lambda *_: None
        self.counts: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self.late: list[tuple[int, Callable[[], object]]] = []
        self.lock = threading.RLock()
        self._server = QuietServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def process_late(self, requests: int = 1) -> None:
        """Counts `requests` and processes what they have overtaken."""
        due = [each for left, each in self.late if left <= requests]
        self.late = [(left - requests, each) for left, each in self.late if left > requests]
        for each in due:
            each()

    def scores(self) -> dict[str, float | None]:
        return {user["sis_user_id"]: self.submissions[user["id"]]["score"] for user in self.users}

    def comments(self, user: int) -> list[str]:
        return [each["comment"] for each in self.submissions[user]["submission_comments"]]

    # The API

    def answer(self, method: str, path: str, query: list[tuple[str, str]], form: dict[str, Any]) -> tuple[int, Any]:
        base = f"/api/v1/courses/{COURSE}"
        if path == base:
            return 200, {"id": COURSE, "name": "CS 101"}
        if path in (f"{base}/users", f"{base}/search_users"):
            return 200, self.users
        if path == f"{base}/assignments/{ASSIGNMENT}":
            return 200, self._assignment()
        if path == f"{base}/assignments/{ASSIGNMENT}/submissions":
            return 200, [self._shown(each, query) for each in self.submissions.values()]
        found = re.fullmatch(rf"{base}/assignments/{ASSIGNMENT}/submissions/(\d+)(?:/comments/(\d+))?", path)
        submission = self.submissions.get(int(found[1])) if found else None
        if found is None or submission is None:
            return 404, {"errors": [{"message": "The specified resource does not exist."}]}
        if found[2]:
            return self._delete_comment(submission, int(found[2])) if method == "DELETE" else (404, {})
        if method == "PUT":
            status, body = self.put(submission, form)
            return status, body or self._shown(submission, query)
        return 200, self._shown(submission, query)

    def put(self, submission: dict[str, Any], form: dict[str, Any], *, half: bool = False) -> tuple[int, Any]:
        """Stores the grade first, as Canvas does."""
        if (grade := form.get("submission", {}).get("posted_grade")) is not None:
            if not re.fullmatch(r"-?\d+(\.\d+)?", grade):
                return 400, {"errors": {"posted_grade": [{"message": "invalid grade"}]}}
            submission["score"] = submission["entered_score"] = float(grade)
            submission["grade"], submission["workflow_state"] = grade, "graded"
        if half:
            return 500, None
        given = form.get("rubric_assessment")
        if given and self.association and self.rubric is not None:
            known = {each["id"]: each for each in self.rubric if each["id"] in given}
            if not known:
                return 400, {"message": "invalid rubric_assessment"}
            submission["rubric_assessment"] = {key: _rated(each, given[key]) for key, each in known.items()}
            points = [each.get("points") for each in submission["rubric_assessment"].values()]
            if self.use_for_grading:
                submission["score"] = submission["entered_score"] = sum(each for each in points if each is not None)
        if text := form.get("comment", {}).get("text_comment"):
            comments = submission["submission_comments"]
            number = 1 + max((each["id"] for each in comments), default=submission["user_id"] * 1000)
            comments.append({"id": number, "comment": text, "author_id": 1})
        return 200, None

    def _delete_comment(self, submission: dict[str, Any], number: int) -> tuple[int, Any]:
        comments = submission["submission_comments"]
        found = next((each for each in comments if each["id"] == number), None)
        if found is None:
            return 404, {"errors": [{"message": "The specified resource does not exist."}]}
        comments.remove(found)
        return 200, found

    def _assignment(self) -> dict[str, Any]:
        fields = {"id": ASSIGNMENT, "course_id": COURSE, "name": "Lab 1", "points_possible": self.points}
        if self.rubric is not None and self.association:
            fields |= {"rubric": self.rubric, "use_rubric_for_grading": self.use_for_grading}
        return fields | self.assignment_fields

    def _shown(self, submission: dict[str, Any], query: list[tuple[str, str]]) -> dict[str, Any]:
        optional = {"rubric_assessment", "submission_comments"}
        wanted = {value for name, value in query if name == "include[]"}
        if "full_rubric_assessment" in wanted:
            wanted.add("rubric_assessment")
        return {name: value for name, value in submission.items() if name not in optional - wanted}


def _submission(user: dict[str, Any]) -> dict[str, Any]:
    fields = {"id": user["id"] * 7, "user_id": user["id"], "assignment_id": ASSIGNMENT, "score": None, "grade": None}
    return fields | {"entered_score": None, "workflow_state": "submitted", "excused": None, "submission_comments": []}


def _rated(criterion: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """A rating by its id, otherwise the first with these points; without points the criterion has no score."""
    points = float(given["points"]) if given.get("points") else None
    found = next((each["id"] for each in criterion["ratings"] if each["id"] == given.get("rating_id")), None)
    if found is None and points is not None:
        found = next((each["id"] for each in criterion["ratings"] if each["points"] == points), None)
    rated = {"rating_id": found, "comments": given.get("comments", "")}
    return rated | ({} if points is None else {"points": points})


def _nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][c]=d` as Rails reads it."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        first, *rest = re.findall(r"[^\[\]]+", name)
        at = result
        for key in [first, *rest][:-1]:
            at = at.setdefault(key, {})
        at[[first, *rest][-1]] = value
    return result


def _text_ids(value: Any) -> Any:
    """Ids as text, as with `Accept: application/json+canvas-string-ids`."""
    if isinstance(value, list):
        return [_text_ids(each) for each in value]
    if isinstance(value, dict):
        return {
            key: str(each) if (key == "id" or key.endswith("_id")) and each is not None else _text_ids(each)
            for key, each in value.items()
        }
    return value


def _handler(canvas: FakeCanvas) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = parse_qsl(parts.query, keep_blank_values=True)
            form = _nested(parse_qsl(body.decode(), keep_blank_values=True))
            with canvas.lock:
                canvas.counts[self.command] += 1
                fault = canvas.faults(self.command, canvas.counts[self.command])
                canvas.requests.append((self.command, self.path))
            if parts.path.startswith("/files/"):
                return self._send(200, canvas.files[parts.path], "application/octet-stream")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self._send_json(
                    401, {"errors": [{"message": "Invalid access token."}]}, {"WWW-Authenticate": 'Bearer realm="x"'}
                )
            if fault in ("403", "429"):
                return self._send(int(fault), THROTTLED.encode(), "text/plain")
            if fault == "500":
                return self._send(500, b"<html><h1>Page Error</h1></html>", "text/html")
            if fault == "drop":
                self.close_connection = True
                return None
            with canvas.lock:
                canvas.process_late()
                if fault == "late":
                    again = (self.command, parts.path, query, form)
                    canvas.late.append((LATE, lambda: canvas.answer(*again)))
                    self.close_connection = True
                    return None
                if fault == "half" and self.command == "PUT":
                    user = int(parts.path.rsplit("/", 1)[1])
                    canvas.put(canvas.submissions[user], form, half=True)
                    return self._send(500, b"<html><h1>Page Error</h1></html>", "text/html")
                if fault == "twice":
                    canvas.answer(self.command, parts.path, query, form)
                status, answer = canvas.answer(self.command, parts.path, query, form)
                data = json.loads(json.dumps(answer))
            if fault == "lose":
                self.close_connection = True
                return None
            headers: dict[str, str] = {}
            if isinstance(data, list):
                data, headers = self._page(data, dict(query))
            if "canvas-string-ids" in self.headers.get("Accept", ""):
                data = _text_ids(data)
            return self._send_json(status, data, headers)

        def _page(self, data: list[Any], query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
            size = min(int(query.get("per_page", 10)), 100)
            start = int(query.get("page", "bookmark:0").removeprefix("bookmark:") or 0)
            if start + size >= len(data):
                return data[start : start + size], {}
            rest = "&".join(
                f"{name}={value}"
                for name, value in parse_qsl(urlsplit(self.path).query)
                if name not in ("page", "access_token")
            )
            following = f"{canvas.url}{urlsplit(self.path).path}?{rest}&page=bookmark:{start + size}"
            return data[start : start + size], {"link": f'<{following}>; rel="next",<{canvas.url}>; rel="first"'}

        def _send_json(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
            self._send(status, json.dumps(data).encode(), "application/json", headers)

        def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    return Handler
