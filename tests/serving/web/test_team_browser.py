"""The pages for groups, teams and doubts in Chromium: accessibility, narrow screens, and snippets by keyboard."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labs_schema.models import SourceFile
from serving.review.index import ReviewIndex
from serving.review.team import Marking, NewAssignment, Team
from serving.store.clarifications import Clarifications
from tests.harness.pages import COURSE
from tests.harness.review_browser import Service, open_first, saved
from tests.serving.web.test_browser import AXE_TAGS

pytestmark = pytest.mark.slow
SECOND = "Is it readable?"
TEXT = "int main(void) {\n    int total = 0;\n    for (int i = 0; i < 9; i++) total += i * 3;\n    return total;\n}\n"


@pytest.fixture(scope="module")
def team(start: Callable[..., Service], make_lab: Any) -> Service:
    """Twelve submissions in pairs of equal answers; the last one is a second marking of the TA."""
    lab = make_lab(students=12)
    texts = [TEXT.replace("9", str(number // 2 + 4) * 3).replace("total", f"t{number}") for number in range(12)]
    submissions = (
        each.model_copy(update={"files": (SourceFile(path="main.c", text=text),)})
        for each, text in zip(lab.submissions, texts, strict=True)
    )
    return start(lab.model_copy(update={"submissions": tuple(submissions)}))


def pages_of(team: Service, page: Any) -> Iterator[str]:
    items = list(ReviewIndex(team.store.database).lab(COURSE, "lab1").items.values())
    ada = next(each.id for each in team.store.list_keys() if each.name == "Ada Meyer")
    second = [NewAssignment(grade=items[-1].grade, ta=ada, known=10**9)]
    Team(team.store.database).assign(second, Marking.SECOND, request="second-marking-1", actor=ada)
    answer = Clarifications(team.store.database).add(
        (COURSE, "lab1"), SECOND, "Short names in loops are fine.", [items[0].grade], request="answer-1", actor=ada
    )
    place = f"course={COURSE}&lab=lab1"
    for path in ("lab/groups", "lab/assignments", "lab/second-markings", "lab/doubts", "statistics"):
        page.goto(f"{team.url}/{path}?{place}")
        yield path
        if path == "lab/groups":
            page.click("tbody a >> nth=0")
            page.wait_for_load_state()
            yield "group"
    for path in (f"second-markings/{items[-1].grade}", f"clarifications/{answer.id}", f"snippets?course={COURSE}"):
        page.goto(f"{team.url}/{path}")
        yield path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_and_pages_fit_320_pixels(team: Service, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page, axe, found = team.page(color_scheme=scheme, viewport={"width": 320, "height": 700}), Axe(), []
    options = {"runOnly": {"type": "tag", "values": AXE_TAGS}}
    for name in pages_of(team, page):
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
        for each in axe.run(page, options=options).response["violations"]:
            nodes = [f"{n['target']} {n['any'][0]['message'] if n['any'] else ''}" for n in each["nodes"][:3]]
            found.append((name, each["id"], nodes))
    assert found == []


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
