"""A strict Canvas: its published paths, its paging, and its traps. Faults are injected request by request.

The traps: a grade is stored before the rubric is checked; unknown criteria are dropped; a new assessment replaces all
ratings; the rubric's sum replaces the grade; comments are only ever appended; without a rubric association the
assessment is ignored; ids are numbers unless string ids are requested; throttling is a 403 in plain text.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.harness.platforms.fake_canvas_server import CanvasHandler
from tests.harness.platforms.quiet_server import QuietServer

TOKEN = "canvas-token"
COURSE, ASSIGNMENT = 101, 2 << 53
"""The assignment's id is above 2^53, where JSON numbers lose digits."""
Fault = str
"""`drop` closes the connection before, `lose` after the request is processed, `late` processes it after the next
requests, `half` stores the grade only, `twice` processes it two times, `500`, `403` and `429` answer with that status.
"""


class FakeCanvas:
    """`faults(method, count)` names the fault of a request; `count` is its number among those with this method."""

    def __init__(self, students: int, rubric: list[dict[str, Any]] | None = None, points: float = 3) -> None:
        self.rubric, self.points, self.token = rubric, points, TOKEN
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
        handler = type("Handler", (CanvasHandler,), {"canvas": self})
        self._server = QuietServer(handler)
        self.url = self._server.url

    def close(self) -> None:
        self._server.close()

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
