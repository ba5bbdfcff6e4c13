"""The review pages in Chromium: keys, drafts, conflicts, ended sessions, names for screen readers, evidence."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labs_schema.reading.validate import load_lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.store.access.roles import Role
from tests.harness.browser.pages import COURSE, record_lab
from tests.harness.browser.review_browser import Service, open_first, saved
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.labelling import FakeLabelling, estimated

pytestmark = pytest.mark.slow

LABS = Path(__file__).parents[4] / "labs"


@pytest.fixture(scope="module")
def sample(start: Callable[..., Service], tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Two sample labs, 10 % blind; the first one is being rated."""
    labs = [load_lab(LABS / name) for name in ("cpp_second_largest", "python_parking_fee")]
    labelling = FakeLabelling([each.student for each in labs[0].submissions], started=True)
    labelling.now = replace(labelling.now, versions=(estimated(0.62, 4), estimated(0.81)))
    folder = tmp_path_factory.mktemp("labs")
    write_lab(labs[0].model_copy(update={"human_grades": ()}), folder / labs[0].name)
    courses = OneCourse(COURSE, read_registry(folder)[0], folder)
    return start(*labs, blind_share=0.1, courses=courses, labelling=labelling)


def test_keys_do_nothing_in_text_fields_and_when_disabled(sample: Service) -> None:
    page = sample.lab(sample.page(), "cpp_second_largest")
    open_first(page)
    where = page.url
    page.keyboard.press("c")
    page.keyboard.type("jk12au?/")
    assert page.evaluate("document.activeElement.value") == "jk12au?/" and page.url == where
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("1")
    page.wait_for_timeout(200)
    assert page.url == where and page.inner_text("#status") == ""
    page.evaluate("localStorage.clear()")


def test_a_comment_survives_a_reload_and_an_ended_session(sample: Service) -> None:
    token = sample.store.create_key("short", Role.TA, COURSE, actor="test")
    page = sample.lab(sample.page(token[0]), "cpp_second_largest")
    open_first(page)
    page.fill("#c1-comment", "typed for minutes")
    assert "Draft stored" in page.inner_text("#c1-draft")
    page.reload()
    assert page.input_value("#c1-comment") == "typed for minutes"
    sample.store.revoke_key(token[1].id, actor="test")
    page.click("button[value=comment]")
    page.wait_for_selector("text=Your text, which was not saved")
    assert "typed for minutes" in page.input_value("textarea[readonly]")
    again = sample.store.create_key("again", Role.TA, COURSE, actor="test")[0]
    page.fill("#key", again)
    page.click("main button")
    page.wait_for_url("**/grades/*")


def test_the_next_submission_replaces_this_one_and_back_returns_to_its_draft(sample: Service) -> None:
    page = sample.lab(sample.page(), "cpp_second_largest")
    open_first(page)
    first = page.inner_text("h1")
    page.evaluate("window.loaded = 'once'")
    page.fill("#c1-comment", "of the first one")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_function("first => document.querySelector('h1').textContent !== first", arg=first)
    second = page.inner_text("h1")
    assert page.evaluate("[window.loaded, document.activeElement.tagName]") == ["once", "H1"]
    assert page.title().startswith(second) and page.input_value("#c1-comment") == ""
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    page.keyboard.press("Escape")
    page.go_back()
    page.wait_for_function("first => document.querySelector('h1').textContent === first", arg=first)
    assert page.input_value("#c1-comment") == "of the first one"
    page.evaluate("localStorage.clear()")


def test_a_key_pressed_while_the_next_submission_loads_rates_nothing(sample: Service) -> None:
    page = sample.lab(sample.page(), "python_parking_fee")
    open_first(page)
    page.route("**/grades/*", lambda route: (time.sleep(0.4), route.continue_()))
    before = sample.store.verify().entries
    with page.expect_navigation():
        page.keyboard.press("j")
        page.keyboard.press("1")
        page.evaluate("document.querySelector('#c0-r0').click()")
    page.wait_for_timeout(300)
    assert sample.store.verify().entries == before


def test_a_stopped_service_reports_that_nothing_was_saved(sample: Service) -> None:
    page = sample.lab(sample.page(), "cpp_second_largest")
    open_first(page)
    page.fill("#c0-comment", "not lost")
    page.route("**/grades/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.click("button[value=comment]")
    page.wait_for_selector("#status.bad")
    assert page.input_value("#c0-comment") == "not lost" and page.is_enabled("button[value=comment]")
    sample.errors[:] = [each for each in sample.errors if "ERR_FAILED" not in each]
    page.evaluate("localStorage.clear()")


def test_two_tas_at_once_see_a_conflict_with_both_versions(start: Callable[..., Service], make_lab: Any) -> None:
    service = start(make_lab(students=2))
    other = service.store.create_key("Ben", Role.TA, COURSE, actor="test")[0]
    ada, ben = service.page(), service.page(other)
    for page in (ada, ben):
        service.lab(page, "lab1")
        open_first(page)
    ada.click("#c0-r0")
    saved(ada)
    ben.fill("#c0-comment", "by Ben")
    ben.click("#c0-r1")
    ben.wait_for_selector("text=Your version was not applied")
    assert ben.input_value("textarea") == "by Ben"
    ben.click("text=Apply mine")
    ben.wait_for_url("**/grades/*")
    assert ben.get_attribute("#c0-r1", "aria-pressed") == "true" and ben.input_value("#c0-comment") == "by Ben"


def test_text_typed_while_a_form_is_sent_stays(sample: Service) -> None:
    page = sample.lab(sample.page(), "python_parking_fee")
    open_first(page)
    page.route("**/grades/*", lambda route: (time.sleep(0.4), route.continue_()))
    page.click("#c0-r1")
    page.fill("#c2-comment", "typed meanwhile")
    assert page.is_disabled("#c0-r0")
    saved(page)
    assert page.input_value("#c2-comment") == "typed meanwhile"


def test_the_accessibility_tree_names_what_a_screen_reader_needs(sample: Service) -> None:
    page = sample.lab(sample.page(), "cpp_second_largest")
    open_first(page)
    page.wait_for_load_state()
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("region", name="Submitted files").count() == 1
    group = page.get_by_role("group", name="Does the program compile and run?")
    assert group.get_by_role("button").count() == 3
    assert page.get_by_role("status").count() >= 1
    assert page.get_by_role("textbox", name="Comment").count() == 5


def test_an_evidence_line_leads_to_the_code(start: Callable[..., Service], make_lab: Any) -> None:
    lab = make_lab(students=1)
    service = start()
    record_lab(service.store, lab, c0={"reasoning": "Line 2 is wrong, and so is main.c:3."})
    page = service.lab(service.page(), "lab1")
    open_first(page)
    page.click(".reasoning a >> nth=0")
    assert page.url.endswith("#L2") and page.locator(".line:target").inner_text().strip().startswith("return")


def test_programs_of_a_new_lab_are_rated_by_keyboard(sample: Service) -> None:
    page = sample.page()
    page.goto(f"{sample.url}/lab/rate?course={COURSE}&lab=cpp_second_largest")
    assert page.locator("meter").count() == 0 and page.locator(".curve polyline").count() == 1
    first, criteria = page.inner_text("h1"), page.locator(".criterion").count()
    for _ in range(criteria):
        page.keyboard.press("1")
        saved(page)
    assert page.locator("text=Every criterion is rated").count() == 1 and page.locator("meter").count() == 0
    with page.expect_navigation():
        page.keyboard.press("j")
    assert page.inner_text("h1") != first and page.locator(".criterion.waits").count() == criteria
