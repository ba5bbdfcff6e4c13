"""The editor, the send step, the queue of requests and the feedback page in Chromium, also without script."""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from labs_schema.grades import Status
from labs_schema.lab_writer import write_lab
from labs_schema.models import Lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.store.regrade_requests import RegradeRequests
from serving.store.roles import Role
from serving.store.store import open_store
from serving.store.student_links import LinkOptions, StudentLinks
from tests.harness.chromium import chromium
from tests.harness.fake_canvas import ASSIGNMENT, TOKEN, FakeCanvas
from tests.harness.fake_canvas import COURSE as CANVAS_COURSE
from tests.harness.pages import COURSE, record_lab
from tests.serving.web.test_browser import AXE_TAGS, Service

pytestmark = pytest.mark.slow
ACCEPTED = {"status": Status.ACCEPTED, "review_reasons": ()}
Pages = Iterator[str]


class Editor(Service):
    """The pages for an admin of a course with a graded lab, an open request, and a Canvas to send to."""

    def __init__(self, browser: Any, folder: Path, lab: Lab, canvas: FakeCanvas) -> None:
        store = open_store(f"sqlite:///{folder}/store.db")
        write_lab(lab, folder / "labs" / "lab1")
        self.address = f"{canvas.url}/courses/{CANVAS_COURSE}/assignments/{ASSIGNMENT}"
        grades = record_lab(store, lab, c0=ACCEPTED, c1=ACCEPTED)
        store.record_override(grades[0], lab.criteria[0].title, "A", "Well done.", request="r", actor="ta")
        super().__init__(
            browser,
            store,
            courses=OneCourse(COURSE, read_registry(folder / "labs")[0], folder / "labs"),
            blind_share=0.0,
        )
        self.token = store.create_key("Admin", Role.ADMIN, COURSE, actor="test")[0]
        RegradeRequests(store.database).submit(grades[0], lab.criteria[0].title, "Please.", request="q", actor="moodle")
        self.link = StudentLinks(store.database).create(grades[0], timedelta(days=1), LinkOptions(), actor="test")[0]

    def visit(self, page: Any) -> Pages:
        """Every page in each of its states."""
        page.goto(f"{self.url}/lab/new?course={COURSE}")
        yield "new lab"
        page.fill("#name", "../x")
        page.click("button[value=check]:visible >> nth=-1")
        yield "new lab with faults"
        page.goto(f"{self.url}/lab/edit?course={COURSE}&lab=lab1")
        text = page.input_value("#rubric")
        page.fill("#checks", "tests:\n  - {names: one}\nunits: []\n")
        page.fill("#rubric", text[:-5])
        page.click("button[value=save]")
        assert (
            page.locator("#checks[aria-invalid=true]").count()
            == page.locator("#rubric[aria-invalid=true]").count()
            == 1
        )
        yield "faults"
        page.fill("#checks", "")
        page.fill("#rubric", text.replace("With gcc -Wall.", "With clang."))
        page.click("button[value=save]")
        assert "makes a new version" in page.inner_text("main")
        yield "effects"
        page.goto(f"{self.url}/lab/submissions?course={COURSE}&lab=lab1")
        yield "full lab"
        page.goto(f"{self.url}/lab/send?course={COURSE}&lab=lab1")
        yield "send"
        page.fill("#address", self.address)
        page.click("button[value=plan]")
        assert "Nothing is sent yet" in page.inner_text("main")
        yield "differences"
        page.goto(f"{self.url}/regrade-requests?course={COURSE}&lab=lab1")
        yield "requests"
        page.goto(f"{self.url}/feedback?link={self.link}")
        assert "Request a regrade" in page.inner_text("main")
        yield "feedback"


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[..., Lab]) -> Iterator[Editor]:
    canvas = FakeCanvas(2)
    canvas.submissions[10_000]["score"] = 0.5
    with chromium() as browser, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_CANVAS_URL", canvas.url)
        patch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
        patch.setenv("GRADER_OUTBOUND_ALLOW", canvas.url)
        opened = Editor(browser, tmp_path_factory.mktemp("editor"), make_lab(students=2), canvas)
        yield opened
        opened.close()
        opened.store.close()
        opened.errors[:] = [each for each in opened.errors if "422" not in each]
        assert opened.errors == []
    canvas.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_of_wcag_2_2_aa(editor: Editor, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page, axe, found = editor.page(color_scheme=scheme), Axe(), []
    for name in editor.visit(page):
        page.wait_for_load_state()
        for each in axe.run(page, options={"runOnly": {"type": "tag", "values": AXE_TAGS}}).response["violations"]:
            found.append((name, each["id"], [node["target"] for node in each["nodes"][:3]]))
    assert found == []


@pytest.mark.parametrize(("width", "height", "scale"), [(320, 700, 1), (640, 450, 2)])
def test_pages_fit_320_pixels_and_200_percent(editor: Editor, width: int, height: int, scale: int) -> None:
    page = editor.page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    wide = [name for name in editor.visit(page) if page.evaluate("document.documentElement.scrollWidth") > width]
    assert wide == []


def test_faults_and_buttons_are_visible_in_forced_colours(editor: Editor) -> None:
    page = editor.page(forced_colors="active", reduced_motion="reduce")
    for name in editor.visit(page):
        for locator in page.locator("main button:visible, main .alert:visible").all():
            style = locator.evaluate("e => [getComputedStyle(e).borderLeftStyle, getComputedStyle(e).visibility]")
            assert style == ["solid", "visible"], name


def test_a_lab_is_created_filled_and_edited_without_script(editor: Editor) -> None:
    page = editor.page(java_script_enabled=False)
    page.goto(f"{editor.url}/lab/new?course={COURSE}&like=lab1")
    page.fill("#name", "lab2")
    page.click("button[value=save]")
    page.wait_for_url("**/lab/submissions*")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("s9/main.c", "int main(void) { return 0; }\n")
    page.set_input_files("#export", {"name": "e.zip", "mimeType": "application/zip", "buffer": data.getvalue()})
    page.click("text=Show the import report")
    assert "Nothing is stored yet" in page.inner_text("main")
    page.click("text=Store 1 student in the lab")
    assert "Stored: 1 students" in page.inner_text("main")
    page.goto(f"{editor.url}/lab/edit?course={COURSE}&lab=lab2")
    page.set_input_files("#rubric-file", {"name": "r.json", "mimeType": "application/json", "buffer": b"[1]"})
    page.click("button[value=import]")
    assert page.locator("#rubric-file[aria-invalid=true]").count() == 1
    page.fill("#statement", "Another statement.")
    page.click("button[value=save]")
    assert "Saved" in page.inner_text("main")
