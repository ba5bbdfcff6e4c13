"""A lab is created, filled and edited in Chromium without script."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.store.access.roles import Role
from serving.store.store import open_store
from tests.harness.browser.every_page import zipped
from tests.harness.browser.pages import COURSE
from tests.harness.browser.review_browser import Service
from tests.harness.courses.lab_folders import write_lab

pytestmark = pytest.mark.slow


@pytest.fixture
def editor(browser: Any, tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[..., Lab]) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("editor")
    write_lab(make_lab(students=2), folder / "labs" / "lab1")
    store = open_store(f"sqlite:///{folder}/store.db")
    courses = OneCourse(COURSE, read_registry(folder / "labs")[0], folder / "labs")
    opened = Service(browser, store, courses=courses)
    opened.token = store.create_key("Admin", Role.ADMIN, COURSE, actor="test")[0]
    yield opened
    opened.close()
    store.close()
    assert [each for each in opened.errors if "422" not in each] == []


def test_a_lab_is_created_filled_and_edited_without_script(editor: Service) -> None:
    page = editor.page(java_script_enabled=False)
    page.goto(f"{editor.url}/lab/new?course={COURSE}&like=lab1")
    page.fill("#name", "lab2")
    page.click("button[value=save]")
    page.wait_for_url("**/lab/submissions*")
    page.set_input_files("#export", {"name": "e.zip", "mimeType": "application/zip", "buffer": zipped("s9/main.c")})
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
