"""Snippets by keyboard, and a group rated without script, in Chromium."""

from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.models import SourceFile
from tests.harness.browser.pages import COURSE
from tests.harness.browser.review_browser import Service, open_first, saved

pytestmark = pytest.mark.slow
TEXT = "int main(void) {\n    int total = 0;\n    for (int i = 0; i < 9; i++) total += i * 3;\n    return total;\n}\n"


@pytest.fixture(scope="module")
def team(start: Callable[..., Service], make_lab: Any) -> Service:
    """Twelve submissions in pairs of equal answers."""
    lab = make_lab(students=12)
    texts = [TEXT.replace("9", str(number // 2 + 4) * 3).replace("total", f"t{number}") for number in range(12)]
    submissions = (
        each.model_copy(update={"files": (SourceFile(path="main.c", text=text),)})
        for each, text in zip(lab.submissions, texts, strict=True)
    )
    return start(lab.model_copy(update={"submissions": tuple(submissions)}))


def test_a_snippet_is_saved_and_inserted_by_keyboard(team: Service) -> None:
    page = team.page()
    for words in ("Choose longer names.", "Very good."):
        page.goto(f"{team.url}/snippets?course={COURSE}")
        page.fill("#text", words)
        page.click("main form button.primary")
        page.wait_for_load_state()
    open_first(team.lab(page, "lab1"))
    marked = page.locator(".criterion.current")
    marked.locator("textarea").fill("Line 2.")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("v")  # the list finds the text that starts with it
    page.keyboard.press("Enter")
    saved(page)
    assert "Line 2.\nVery good." in [each.input_value() for each in page.locator(".criterion textarea").all()]


def test_a_group_is_rated_and_undone_without_script(team: Service) -> None:
    page = team.page(java_script_enabled=False)
    page.goto(f"{team.url}/lab/groups?course={COURSE}&lab=lab1")
    page.click("tbody a >> nth=0")
    page.click(".choice button >> nth=1")
    page.locator("text=students rated").first.wait_for()
    page.click("text=Undo >> nth=0")
    page.wait_for_url("**/lab/groups?*")
    assert page.locator("text=students rated").count() == 0
