"""CodeGrade as its own client meets it: paths, pages and fields; choosing rubric items sets the grade."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from labs_schema.models import Lab
from tests.harness.platforms.quiet_server import QuietServer, read_body

TOKEN, ASSIGNMENT = "codegrade-token", 77
TENANT = "11111111-2222-3333-4444-555555555555"
TIMEFRAME = {"availability": {"tag": "fixed", "value": True}, "deadline": None, "lock_date": None}
WHEN = "2026-11-01T10:00:00.000000+00:00"


class FakeCodeGrade:
    """Each student has one submission, and the test student has one. `chosen`: submission -> the items of its rubric.

    `faults`: what happens to the next requests that write: `lose` closes the connection afterwards, `500` does nothing.
    """

    def __init__(self, students: int, lab: Lab) -> None:
        self.rows = [_row(at, each) for at, each in enumerate(lab.criteria)]
        people = [(500 + n, f"s{n:03d}", False) for n in range(students)] + [(499, "Test student", True)]
        self.submissions = [_submission(10 * user, user, name, test) for user, name, test in people]
        self.chosen: dict[int, list[dict[str, Any]]] = {}
        self.faults: list[str] = []
        self.writes = 0
        self.lock = threading.RLock()
        self._server = QuietServer(_handler(self))
        self.url = self._server.url

    def close(self) -> None:
        self._server.close()

    def points(self) -> dict[str, float]:
        """Student -> points, of the newest submission."""
        found = {each["user"]["username"]: each["id"] for each in self.submissions}
        return {name: sum(item["achieved_points"] for item in self.chosen[number])
                for name, number in found.items() if number in self.chosen}  # fmt: skip

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        base = f"/api/v1/assignments/{ASSIGNMENT}"
        lists = {f"{base}/rubrics/": self.rows, f"{base}/submissions/": self.submissions}
        if path == base:
            return 200, {"id": ASSIGNMENT, "name": "Lab 1", "course_id": 1}
        if path in lists:
            return 200, lists[path]
        found = re.fullmatch(r"/api/v1/submissions/(\d+)/rubricitems/", path)
        if found is None:
            return 404, {"message": "not found", "code": "OBJECT_ID_NOT_FOUND"}
        if method == "PUT":
            items = {item["id"]: item for row in self.rows for item in row["items"]}
            given = json.loads(body)["items"]
            if any(each["item_id"] not in items for each in given):
                return 400, {"message": "unknown item", "code": "INVALID_PARAM"}
            self.chosen[int(found[1])] = [
                {**each, "achieved_points": items[each["item_id"]]["points"] * each["multiplier"]} for each in given
            ]
            self.writes += 1
            changed = next(each for each in self.submissions if each["id"] == int(found[1]))
            return 200, {"copied_items": [], "submission": changed | {"is_latest": True}}
        return 200, self.chosen.get(int(found[1]), [])


def _row(at: int, criterion: Any) -> dict[str, Any]:
    items = [{"id": 100 * at + n + 1, "header": rating.title, "description": "", "points": rating.marks}
             for n, rating in enumerate(criterion.ratings)]  # fmt: skip
    return {"id": at + 1, "header": criterion.title, "description": None, "description_type": "plain_text",
            "items": items, "locked": False, "type": "normal"}  # fmt: skip


def _submission(number: int, user: int, name: str, test: bool) -> dict[str, Any]:
    owner = {"type": "normal", "id": user, "username": name, "name": "N", "tenant_id": TENANT, "is_test_student": test}
    return {"id": number, "user": owner, "created_at": WHEN, "grade": None, "grade_overridden": False,
            "assignment_id": ASSIGNMENT, "origin": "uploaded_files", "manual_grading_status": {"tag": "unknown"},
            "assignee": None, "extra_info": None, "timeframe": TIMEFRAME}  # fmt: skip


def group_of(*members: dict[str, Any]) -> dict[str, Any]:
    """The owner of a group's submission; `members` are owners of their own."""
    group = {"id": 9, "members": list(members), "name": "Group 9", "group_set_id": 1, "created_at": WHEN}
    return {"type": "group-user", "id": 9_999, "username": None, "tenant_id": TENANT, "is_test_student": False,
            "group": group}  # fmt: skip


def _handler(site: FakeCodeGrade) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            parts, headers = urlsplit(self.path), {}
            body = read_body(self)
            fault = site.faults.pop(0) if self.command == "PUT" and site.faults else ""
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, found = 401, {"message": "not logged in", "code": "NOT_LOGGED_IN"}
            elif fault == "500":
                status, found = 500, {}
            else:
                with site.lock:
                    status, found = site.answer(self.command, parts.path, body)
            if isinstance(found, list) and self.command == "GET":
                query = parse_qs(parts.query)
                size, start = int(query.get("page-size", ["50"])[0]), int(query.get("next-token", ["0"])[0])
                if start + size < len(found):
                    headers["Next-Token"] = str(start + size)
                found = found[start : start + size]
            if fault == "lose":
                self.close_connection = True
                return
            data = json.dumps(found).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(data)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = _handle  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    return Handler
