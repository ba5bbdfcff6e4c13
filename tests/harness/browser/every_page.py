"""Every page of the service in each of its states, for one visitor in a browser."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from labs_schema.grades import Status
from labs_schema.models import Lab, SourceFile
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.deliveries.configured import open_platform
from serving.deliveries.delivery_worker import DeliveryWorker
from serving.outbound.client import OutboundClient
from serving.outbound.policy import configured_policy
from serving.review.labelling.proposed_grades import new_proposal, write_proposal
from serving.review.team.team import Marking, NewAssignment, Team
from serving.store.access.roles import Role
from serving.store.access.student_links import LinkOptions, StudentLinks
from serving.store.grades.regrade_requests import RegradeRequests
from serving.store.review.clarifications import Clarifications
from serving.store.store import open_store
from tests.harness.browser.pages import COURSE, machine_grade, record_lab
from tests.harness.browser.review_browser import Service
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.labelling import FakeLabelling, estimated
from tests.harness.platforms.fake_canvas import ASSIGNMENT, FakeCanvas
from tests.harness.platforms.fake_canvas import COURSE as CANVAS_COURSE

LAB, EMPTY = "lab1", "empty"
WHERE = f"course={COURSE}&lab={LAB}"
ACCEPTED = {"status": Status.ACCEPTED, "review_reasons": ()}
HESITATES = {"rating": "A", "probabilities": {"A": 0.5, "B": 0.5}, "reasoning": "The name x in line 2 is short."}
TEXT = "int main(void) {\n    int x = 0;\n    for (int i = 0; i < 9; i++) x += i * 3;\n    return x;\n}\n"


class EveryPage(Service):
    """A course with a lab in every state of its work, and one without submissions; the visitor is an admin."""

    def __init__(self, browser: Any, folder: Path, make_lab: Callable[..., Lab], canvas: FakeCanvas) -> None:
        lab = in_pairs(make_lab(students=12)).model_copy(update={"human_grades": ()})
        write_lab(lab, folder / LAB)
        write_lab(lab.model_copy(update={"name": EMPTY, "submissions": ()}), folder / EMPTY)
        store = open_store(f"sqlite:///{folder}/store.db")
        self.lab1, self.grades = lab, record_lab(store, lab, c0=ACCEPTED, c1=HESITATES)
        self.labelling = FakeLabelling([each.student for each in lab.submissions], started=True)
        self.labelling.now = replace(self.labelling.now, versions=(estimated(0.62, 4), estimated(0.81)))
        self.address = f"{canvas.url}/courses/{CANVAS_COURSE}/assignments/{ASSIGNMENT}"
        courses = OneCourse(COURSE, read_registry(folder)[0], folder)
        super().__init__(browser, store, courses=courses, blind_share=0.2, labelling=self.labelling)
        self.token, key = store.create_key("Admin", Role.ADMIN, COURSE, actor="test")
        self.other = store.create_key("Ben", Role.TA, COURSE, actor="test")[1].id
        self.first, self.second = (each.title for each in lab.criteria)
        RegradeRequests(store.database).submit(self.grades[0], self.first, "Please.", request="q", actor="moodle")
        store.record_override(self.grades[1], self.second, "A", "Well done.", request="released", actor="ta")
        self.link = StudentLinks(store.database).create(self.grades[1], timedelta(days=1), LinkOptions(), actor="x")[0]
        marked = [NewAssignment(grade=each, ta=key.id, known=10**9) for each in self.grades[-1::-2][:2]]
        Team(store.database).assign(marked, Marking.SECOND, request="second-marking-1", actor=key.id)
        text = "Short names in loops are fine."
        self.answer = Clarifications(store.database).add(
            (COURSE, LAB), self.second, text, self.grades[:3], request="answer-1", actor=key.id
        )
        proposed = [machine_grade(lab, each, seed=1) for each in lab.submissions]
        write_proposal(
            store, new_proposal(COURSE, lab, "runs/new", "c" * 64, actor="Ada", version=estimated(0.81)), proposed
        )

    def visit(self, page: Any) -> Iterator[str]:
        """The names of the states, each while the page is in it."""
        for part in (
            self._signing_in, self._lists, self._submission, self._groups, self._team, self._doubts, self._rating,
            self._editor, self._submissions, self._requests, self._sending,
        ):  # fmt: skip
            yield from part(page)

    def _open(self, page: Any, path: str) -> None:
        page.goto(f"{self.url}/{path}")

    def _decide(self, grade: str) -> None:
        self.store.record_override(grade, self.first, "C", "Ben was here.", request=f"ben {grade}", actor=self.other)

    def _signing_in(self, page: Any) -> Iterator[str]:
        self._open(page, "sign-in")
        yield "sign in"
        page.fill("#key", "grader_wrong")
        page.click("main button")
        yield "wrong key"

    def _lists(self, page: Any) -> Iterator[str]:
        for path in ("", f"lab?{WHERE}&show=all", f"statistics?{WHERE}", f"lab/changes?{WHERE}"):
            self._open(page, path)
            yield path or "courses"
        self._open(page, f"lab?{WHERE}")
        page.click("text=Accept all")
        page.wait_for_load_state()
        yield "accepted in one step"
        page.click(".alert button")
        self._open(page, "no-such-page")
        yield "problem"

    def _submission(self, page: Any) -> Iterator[str]:
        self._open(page, f"grades/{self.grades[0]}")
        yield "submission"
        page.keyboard.press("?")
        yield "help"
        page.keyboard.press("Escape")
        self._decide(self.grades[0])
        page.fill("#c0-comment", "by the visitor")
        page.click("#c0-r0")
        page.wait_for_selector("text=Your version was not applied")
        yield "conflict"

    def _groups(self, page: Any) -> Iterator[str]:
        self._open(page, f"lab/groups?{WHERE}")
        yield "groups"
        page.click("tbody a >> nth=1")
        page.wait_for_load_state()
        yield "group"
        grade = page.url.split("/")[-1].split("?")[0]
        self._decide(grade)
        page.click(".choice button >> nth=0")
        page.wait_for_selector("text=Both versions are in the history")
        yield "conflict in a group"

    def _team(self, page: Any) -> Iterator[str]:
        for path in (f"lab/assignments?{WHERE}", f"lab/second-markings?{WHERE}", f"second-markings/{self.grades[-1]}"):
            self._open(page, path)
            yield path.partition("?")[0]
        page.click("text=Save all ratings")
        page.wait_for_selector("text=Rate these criteria too")
        yield "incomplete second marking"
        for number in range(len(self.lab1.criteria)):
            page.check(f"#r{number}-0")
        page.click("text=Save all ratings")
        page.wait_for_selector("text=You rated this submission")
        yield "second marking"
        self._open(page, f"snippets?course={COURSE}")
        page.fill("#text", "Choose longer names.")
        page.click("main form button.primary")
        yield "snippets"

    def _doubts(self, page: Any) -> Iterator[str]:
        self._open(page, f"lab/doubts?{WHERE}")
        assert page.locator("textarea").count()
        yield "doubts"
        self._open(page, f"clarifications/{self.answer.id}")
        yield "clarification"

    def _rating(self, page: Any) -> Iterator[str]:
        self._open(page, f"lab/rate?{WHERE}")
        yield "rate"
        page.click("#c0-r0")
        page.locator("#status", has_text="Saved").wait_for()
        yield "rated"
        self._open(page, f"lab/rate?course={COURSE}&lab={EMPTY}")
        yield "start of rating"

    def _editor(self, page: Any) -> Iterator[str]:
        self._open(page, f"lab/new?course={COURSE}")
        yield "new lab"
        page.fill("#name", "../x")
        page.click("button[value=check]:visible >> nth=-1")
        yield "new lab with faults"
        self._open(page, f"lab/edit?{WHERE}")
        text = page.input_value("#rubric")
        page.fill("#checks", "tests:\n  - {names: one}\nunits: []\n")
        page.fill("#rubric", text[:-5])
        page.click("button[value=save]")
        assert page.locator("#checks[aria-invalid=true], #rubric[aria-invalid=true]").count() == 2
        yield "lab with faults"
        page.fill("#checks", "")
        page.fill("#rubric", text.replace("With gcc -Wall.", "With clang."))
        page.click("button[value=save]")
        page.wait_for_selector("text=makes a new version")
        yield "effects of a rubric"

    def _submissions(self, page: Any) -> Iterator[str]:
        self._open(page, f"lab/submissions?{WHERE}")
        yield "full lab"
        self._open(page, f"lab/submissions?course={COURSE}&lab={EMPTY}")
        yield "submissions"
        self._upload(page, b"no archive")
        yield "submissions with faults"
        self._upload(page, zipped("s9/main.c", "s8/main.c"))
        page.wait_for_selector("text=Nothing is stored yet")
        yield "import report"
        page.click("text=Store 2 students in the lab")
        page.wait_for_selector("text=Stored: 2 students")
        yield "stored submissions"

    def _upload(self, page: Any, content: bytes) -> None:
        page.set_input_files("#export", {"name": "e.zip", "mimeType": "application/zip", "buffer": content})
        page.click("text=Show the import report")
        page.wait_for_load_state()

    def _requests(self, page: Any) -> Iterator[str]:
        for path in (f"regrade-requests?{WHERE}", f"feedback?link={self.link}"):
            self._open(page, path)
            yield path.partition("?")[0]
        page.fill("#text", "Line 2 is right.")
        page.click("text=Send request")
        page.wait_for_load_state()
        yield "feedback with a request"

    def _sending(self, page: Any) -> Iterator[str]:
        self._open(page, f"lab/send?{WHERE}")
        yield "send"
        for name, address in (("fault of a platform", f"{self.address}0"), ("differences", self.address)):
            page.fill("#address", address)
            page.check("#include_review")
            page.click("button[value=plan]")
            page.wait_for_load_state()
            yield name
        page.click("button[value=confirm]")
        page.wait_for_url("**/deliveries/*")
        yield "delivery in progress"
        self.store.record_override(self.grades[1], self.first, "B", "", request="changed", actor=self.other)
        with OutboundClient(configured_policy()) as client:
            DeliveryWorker(self.store, lambda job: open_platform(job.platform, job.address, client)).look()
        page.reload()
        page.wait_for_selector("text=Not delivered")
        yield "delivery"


def in_pairs(lab: Lab) -> Lab:
    """Two equal answers each."""
    texts = (TEXT.replace("9", str(number // 2 + 4) * 3) for number in range(len(lab.submissions)))
    submissions = (
        each.model_copy(update={"files": (SourceFile(path="main.c", text=text),)})
        for each, text in zip(lab.submissions, texts, strict=True)
    )
    return lab.model_copy(update={"submissions": tuple(submissions)})


def zipped(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "int main(void) { return 0; }\n")
    return data.getvalue()
