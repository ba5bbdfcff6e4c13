"""A Moodle 4.3 as the adapter meets it: its web services over HTTP, with everything that they leave unchecked.

`tests/serving/deliveries/moodle/test_fake_moodle.py` compares its answers with those that a real one gave.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.platforms.fake_moodle_grades import (
    Grade,
    Json,
    fillings_of,
    known_fillings,
    points_of,
    shown_filling,
)

RECORDED = Path(__file__).parents[2] / "recorded" / "moodle" / "web_service.json"
TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = 109
LATE = 5
"""Requests that overtake a late one."""


def recorded() -> list[Json]:
    """The calls in order: function, arguments, reply; or a lock of a student's grade."""
    calls: list[Json] = json.loads(RECORDED.read_text("utf-8"))
    return calls


def _first(function: str, **arguments: Any) -> Any:
    calls = (each for each in recorded() if each.get("function") == function)
    return next(each["reply"] for each in calls if all(each["arguments"].get(k) == v for k, v in arguments.items()))


@dataclass
class FakeMoodle:
    """The site that was recorded: a course with assignments of points, rubrics and a marking workflow.

    `faults`: what happens to the next requests, in order: `drop` (nothing is done, the connection ends), `lose` (it is
    done, the connection ends), `late` (it is done after the next requests), `half` (levels are stored without a grade),
    `twice`, `busy`, `broken`, or "" for none; `draw` names them one by one. `requests` counts them by function, and
    `repeated` the grades that were saved again although they were stored, and not by a request that came late: each
    notifies the student.
    """

    grades: dict[int, dict[int, Grade]] = field(default_factory=dict)
    locked: set[tuple[int, int]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)
    draw: Callable[[], str] | None = None
    late: list[tuple[int, Callable[[], object]]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock)
    repeated: int = 0
    overtaken: set[str] = field(default_factory=set)
    people: list[Json] | None = None
    files: dict[tuple[int, str, str], bytes] = field(default_factory=dict)
    base: str = ""
    retry_after: int = 1
    account: int = ACCOUNT
    last_id: int = 5000
    half: bool = False

    def __post_init__(self) -> None:
        modules = (each["reply"] for each in recorded() if each.get("function") == "core_course_get_course_module")
        self.modules = {each["cm"]["id"]: each["cm"] for each in modules if "cm" in each}
        [course] = _first("mod_assign_get_assignments")["courses"]
        self.assignments = {each["id"]: each for each in course["assignments"]}
        definitions = _first("core_grading_get_definitions", cmids=[507])["areas"]
        self.rubrics: dict[int, list[Json]] = {27: definitions[0]["definitions"][0]["rubric"]["rubric_criteria"]}
        flow = json.loads(json.dumps(self.rubrics[27]))
        for at, criterion in enumerate(flow):
            criterion["id"] = 44 + at
            for level in criterion["levels"]:
                level["id"] += 8
        self.rubrics[28] = flow
        self.definitions = definitions

    def call(self, function: str, arguments: Json, token: str) -> Any:
        if token != TOKEN:
            return _error("moodle_exception", "invalidtoken", "Invalid token - token not found")
        handler = getattr(self, f"_{function}", None)
        if handler is None:
            text = "Can't find data record in database table external_functions."
            return _error("dml_missing_record_exception", "invalidrecord", text)
        return handler(**arguments)

    def next_fault(self) -> str:
        if self.draw is not None:
            return self.draw()
        return self.faults.pop(0) if self.faults else ""

    def process_late(self, requests: int = 1) -> None:
        """Counts `requests` and processes what they have overtaken."""
        due = [each for left, each in self.late if left <= requests]
        self.late = [(left - requests, each) for left, each in self.late if left > requests]
        for each in due:
            each()

    def handle(self, function: str, arguments: Json, token: str, fault: str) -> Any:
        """The answer; None and no effect for a request that is lost."""
        with self.lock:
            self.process_late()
            saves = function == "mod_assign_save_grades"
            if fault == "late":
                self.late.append((LATE, lambda: self.call(function, arguments, token)))
                self.overtaken |= {each["userid"] for each in arguments.get("grades") or ()}
            if fault in ("drop", "late"):
                return None
            if saves and fault not in ("twice", "half"):
                self.repeated += sum(self._is_stored(arguments, each) for each in arguments.get("grades") or ())
            self.half = fault == "half" and saves
            answer = self.call(function, arguments, token)
            self.half = False
            return self.call(function, arguments, token) if fault == "twice" else answer

    def _is_stored(self, arguments: Json, new: Json) -> bool:
        assignment = int(arguments["assignmentid"])
        if new["userid"] in self.overtaken:
            return False
        row = self.grades.get(assignment, {}).get(int(new["userid"]))
        if row is None or row.grade < 0 or row.fillings is None:
            return False
        rubric = self.rubrics[assignment]
        # After a write that was done by half, the levels are new and the grade is not.
        return row.fillings == known_fillings(fillings_of(new), rubric) and row.grade == _total(row.fillings, rubric)

    def _core_webservice_get_site_info(self) -> Json:
        return _first("core_webservice_get_site_info") | {"userid": self.account}

    def _core_course_get_course_module(self, cmid: str) -> Json:
        module = self.modules.get(int(cmid))
        text = "Can't find data record in database."
        return {"cm": module} if module else _error("dml_missing_record_exception", "invalidrecordunknown", text)

    def _mod_assign_get_assignments(self, courseids: list[str], includenotenrolledcourses: str) -> Json:
        del includenotenrolledcourses
        courses = [{"id": 2, "assignments": list(self.assignments.values())}] if "2" in courseids else []
        return {"courses": courses, "warnings": []}

    def _core_grading_get_definitions(self, cmids: list[str], areaname: str, activeonly: str) -> Json:
        del areaname, activeonly
        if int(cmids[0]) == 507:
            return {"areas": self.definitions, "warnings": []}
        if int(cmids[0]) == 508:
            area = self.definitions[0]
            definition = area["definitions"][0] | {"id": 2, "rubric": {"rubric_criteria": self.rubrics[28]}}
            return {"areas": [area | {"cmid": 508, "definitions": [definition]}], "warnings": []}
        return _error("moodle_exception", "invalid_method_name", "core_grading/invalid_method_name")

    def _mod_assign_list_participants(self, assignid: str, groupid: str, filter: str) -> Any:
        del groupid, filter
        if self.people is not None:
            return self.people
        return _first("mod_assign_list_participants", assignid=29 if assignid == "29" else 27)

    def _mod_assign_get_user_mappings(self, assignmentids: list[str]) -> Any:
        return _first("mod_assign_get_user_mappings", assignmentids=[29 if assignmentids == ["29"] else 27])

    def _mod_assign_get_submissions(self, assignmentids: list[str]) -> Json:
        found = [{"id": 3000 + user, "userid": user, "groupid": 0, "status": "submitted", "plugins": [{
            "type": "file", "fileareas": [{"area": "submission_files", "files": [
                {"filename": name, "filepath": path, "filesize": len(text),
                 "fileurl": f"{self.base}/webservice/pluginfile.php?file={user}{path}{name}"}
                for (owner, path, name), text in self.files.items() if owner == user]}]}]}
            for user in dict.fromkeys(owner for owner, _, _ in self.files)]  # fmt: skip
        return {"assignments": [{"assignmentid": int(assignmentids[0]), "submissions": found}], "warnings": []}

    def _mod_assign_get_grades(self, assignmentids: list[str]) -> Json:
        assignment = int(assignmentids[0])
        rows = [
            {"id": each.id, "userid": each.userid, "attemptnumber": 0, "timecreated": 1, "timemodified": 1,
             "grader": each.grader, "grade": f"{each.grade:.5f}"}
            for each in self.grades.get(assignment, {}).values()
        ]  # fmt: skip
        if rows:
            return {"assignments": [{"assignmentid": assignment, "grades": rows}], "warnings": []}
        none = {"item": "assignment", "itemid": assignment, "warningcode": "3", "message": "No grades found"}
        return {"assignments": [], "warnings": [none]}

    def _core_grading_get_gradingform_instances(self, definitionid: str, since: str) -> Json:
        del since
        grades = self.grades.get({"1": 27, "2": 28}[definitionid], {}).values()
        found = [
            {"id": each.id, "raterid": each.grader, "itemid": each.id, "status": 1, "timemodified": 1,
             "rubric": {"criteria": [shown_filling(filling) for filling in each.fillings]}}
            for each in grades if each.fillings is not None
        ]  # fmt: skip
        return {"instances": found, "warnings": []}

    def _mod_assign_get_submission_status(self, assignid: str, userid: str) -> Json:
        assignment, row = self.assignments[int(assignid)], self.grades.get(int(assignid), {}).get(int(userid))
        workflow = assignment["markingworkflow"]
        state = "notgraded" if row is None or row.grade < 0 else "graded"
        answer: Json = {"lastattempt": {"gradingstatus": (row.state if row else "notmarked") if workflow else state}}
        if row is None or (workflow and row.state != "released"):
            return answer
        text = {"name": "comments", "description": "Feedback comments", "text": row.comment or "", "format": 1}
        grade = {"id": row.id, "userid": row.userid, "attemptnumber": 0, "grader": row.grader,
                 "grade": f"{row.grade:.5f}"}  # fmt: skip
        return answer | {"feedback": {"grade": grade, "plugins": [{"type": "comments", "editorfields": [text]}]}}

    def _mod_assign_save_grades(self, assignmentid: str, applytoall: str, grades: list[Json] | None = None) -> Any:
        del applytoall
        assignment = int(assignmentid)
        if not grades or assignment not in self.assignments:
            return _error("invalid_parameter_exception", "invalidparameter", "Invalid parameter value detected")
        for each in grades:
            if error := self._save(assignment, each):
                return error  # earlier ones stay
        return None

    def _save(self, assignment: int, new: Json) -> Json | None:
        row = self._row(assignment, int(new["userid"]))
        editor = (new.get("plugindata") or {}).get("assignfeedbackcomments_editor")
        fillings = fillings_of(new)
        if editor is None or self.half:
            row.fillings = known_fillings(
                fillings, self.rubrics.get(assignment, [])
            )  # without the grade that follows from them
            return _error("dml_write_exception", "dmlwriteexception", "Error writing to database")
        row.comment = editor["text"]
        if (assignment, row.userid) in self.locked:
            return None
        rubric = self.rubrics.get(assignment)
        if rubric is None:
            if float(new["grade"]) <= self.assignments[assignment]["grade"]:
                row.grade, row.grader = float(new["grade"]), self.account
            return None
        row.fillings, row.grader, row.state = (
            known_fillings(fillings, rubric),
            self.account,
            new["workflowstate"] or "notmarked",
        )
        row.grade = _total(row.fillings, rubric) if row.fillings else -1.0
        return None

    def _row(self, assignment: int, user: int) -> Grade:
        rows = self.grades.setdefault(assignment, {})
        if user not in rows:
            self.last_id += 1
            rows[user] = Grade(self.last_id, user)
        return rows[user]


def _total(fillings: list[Json], rubric: list[Json]) -> float:
    return sum(points_of(each, rubric) for each in fillings)


def _error(exception: str, code: str, message: str) -> Json:
    return {"exception": exception, "errorcode": code, "message": message}
