"""GitHub as its documentation describes it: GitHub Classroom, pull requests, comments, pages and the rate limit."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.harness.platforms.quiet_server import QuietServer

TOKEN, ASSIGNMENT, TEACHER = "github-token", 4711, "prof"
MOST = 65_536
"""Characters of a comment."""


class FakeGitHub:
    """Student `sNNN` has the account `userNNN` and the repository `org/lab1-userNNN` with the pull request 1.

    `comments`: repository -> comments of pull request 1. `faults`: what happens to the next requests that write:
    `lose` closes the connection afterwards, `500` and `limit` do nothing. Strict: every request needs GitHub's media
    type, a user agent and the token; a body above the limit is refused.
    """

    def __init__(self, students: int, page_size: int = 100) -> None:
        self.accepted = [_accepted([f"user{n:03d}"]) for n in range(students)]
        self.roster = {f"user{n:03d}": f"s{n:03d}" for n in range(students)}
        self.requests = {each["repository"]["full_name"]: [_pull_request(1)] for each in self.accepted}
        self.comments: dict[str, list[dict[str, Any]]] = {name: [] for name in self.requests}
        self.faults: list[str] = []
        self.writes, self.page_size, self._next = 0, page_size, 1
        self.lock = threading.RLock()
        self._server = QuietServer(_handler(self))
        self.url = self._server.url

    def close(self) -> None:
        self._server.close()

    def team(self, *members: str) -> str:
        """Makes the repository of a team and returns its name."""
        made = _accepted(list(members))
        name = str(made["repository"]["full_name"])
        self.accepted.append(made)
        self.requests[name], self.comments[name] = [_pull_request(1)], []
        return name

    def comment(self, repository: str, body: str, login: str = TEACHER) -> dict[str, Any]:
        made = {"id": self._next, "body": body, "user": {"login": login}}
        self._next += 1
        self.comments[repository].append(made)
        return made

    def bodies(self) -> dict[str, list[str]]:
        """Repository -> the comments of the teacher's account."""
        return {name: [each["body"] for each in found if each["user"]["login"] == TEACHER]
                for name, found in self.comments.items()}  # fmt: skip

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        classroom = f"/assignments/{ASSIGNMENT}"
        fixed = {
            "/user": {"login": TEACHER},
            classroom: {"id": ASSIGNMENT, "title": "Lab 1", "slug": "lab1", "feedback_pull_requests_enabled": True},
            f"{classroom}/accepted_assignments": self.accepted,
            f"{classroom}/grades": [
                {"github_username": login, "roster_identifier": number, "points_awarded": "0"}
                for login, number in self.roster.items()
            ],
        }
        if method == "GET" and path in fixed:
            return 200, fixed[path]
        found = re.fullmatch(r"/repos/(?P<name>[^/]+/[^/]+)/(?P<rest>.+)", path)
        if found is None or found["name"] not in self.comments:
            return 404, {"message": "Not Found"}
        return self._in_repository(method, found["name"], found["rest"], query, body)

    def _in_repository(self, method: str, name: str, rest: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if method == "GET" and rest == "pulls":
            of_base = [each for each in self.requests[name] if query.get("base") in (None, each["base"]["ref"])]
            state = query.get("state", "open")
            return 200, [each for each in of_base if state in ("all", each["state"])]
        if method == "GET" and rest == "issues/1/comments":
            return 200, self.comments[name]
        text = str(json.loads(body or b"{}").get("body", ""))
        if not text or len(text) > MOST:
            return 422, {"message": "Validation Failed", "errors": [{"field": "data", "code": "unprocessable"}]}
        if method == "POST" and rest == "issues/1/comments":
            self.writes += 1
            return 201, self.comment(name, text)
        for each in self.comments[name]:
            if method == "PATCH" and rest == f"issues/comments/{each['id']}":
                self.writes += 1
                each["body"] = text
                return 200, each
        return 404, {"message": "Not Found"}


def _accepted(logins: list[str]) -> dict[str, Any]:
    name = f"org/lab1-{logins[0] if len(logins) == 1 else 'team'}"
    students = [{"id": n, "login": each, "avatar_url": "https://x.example"} for n, each in enumerate(logins)]
    return {"id": 1, "submitted": True, "students": students, "repository": {"id": 2, "full_name": name}}


def _pull_request(number: int, state: str = "open", title: str = "Feedback") -> dict[str, Any]:
    return {"number": number, "title": title, "state": state, "base": {"ref": "feedback"}}


def _handler(site: FakeGitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            parts, headers = urlsplit(self.path), {"Content-Type": "application/json"}
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = site.faults.pop(0) if self.command != "GET" and site.faults else ""
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, found = 401, {"message": "Bad credentials"}
            elif "User-Agent" not in self.headers or "github" not in self.headers.get("Accept", ""):
                status, found = 403, {"message": "Request forbidden by administrative rules."}
            elif fault == "limit":
                headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}
                status, found = 403, {"message": "API rate limit exceeded"}
            elif fault == "500":
                status, found = 500, {}
            else:
                with site.lock:
                    status, found = site.answer(self.command, parts.path, query, body)
            if isinstance(found, list) and not parts.path.endswith("/grades"):
                size, page = min(site.page_size, int(query.get("per_page", "30"))), int(query.get("page", "1"))
                if page * size < len(found):
                    following = urlencode({**query, "page": page + 1})
                    headers["Link"] = f'<{site.url}{parts.path}?{following}>; rel="next", <{site.url}>; rel="last"'
                found = found[(page - 1) * size : page * size]
            if fault == "lose":
                self.close_connection = True
                return
            data = json.dumps(found).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _handle  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    return Handler
