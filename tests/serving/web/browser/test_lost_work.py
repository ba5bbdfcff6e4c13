"""Ways in which TAs lose work on other platforms, tried in Chromium: races, regrades, proxies, the wheel."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.store.access.roles import Role
from serving.store.grades.overrides import Action
from serving.store.grades.regrade_requests import RegradeRequests
from tests.harness.browser.pages import COURSE, record_lab
from tests.harness.browser.review_browser import Service, saved

pytestmark = pytest.mark.slow
TITLES = "Does it compile?", "Is it readable?"


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(students=14)


@pytest.fixture(scope="module")
def service(start: Callable[..., Service]) -> Service:
    return start()


@pytest.fixture
def shared(service: Service, lab: Lab, numbers: Any = SimpleNamespace(next=0)) -> Any:  # noqa: B008
    """A submission that no other test uses: `grade` and `open(page)`."""
    one = lab.model_copy(update={"submissions": lab.submissions[numbers.next :][:1]})
    numbers.next += 1
    [grade] = record_lab(service.store, one)

    def open_page(page: Any, given: str = grade) -> Any:
        page.goto(f"{service.url}/grades/{given}")
        return page

    def regrade() -> str:
        [new] = record_lab(service.store, one, request=f"job of {grade}", seed=5)
        return new

    return SimpleNamespace(grade=grade, open=open_page, regrade=regrade)


def history(service: Service, grade: str) -> Any:
    return service.store.read_history(grade)


def slow_saves(page: Any, seconds: float = 0.5) -> None:
    """Each form takes this long to be answered."""

    def wait(route: Any) -> None:
        if route.request.method == "POST":
            time.sleep(seconds)
        route.continue_()

    page.route("**/grades/*", wait)


def test_going_to_the_next_submission_waits_until_the_rating_is_saved(service: Service, shared: Any) -> None:
    page = shared.open(service.page())
    slow_saves(page)
    page.click("#c0-r1")
    with page.expect_navigation():
        page.click("[data-key=j]")
    assert history(service, shared.grade).decisions[TITLES[0]].rating == "B"


def test_keys_pressed_during_a_save_are_done_after_it_and_none_reaches_another_submission(
    service: Service, shared: Any
) -> None:
    page = shared.open(service.page())
    slow_saves(page)
    before = service.store.verify().entries
    with page.expect_navigation():
        for key in ("2", "2", "j", "1"):
            page.keyboard.press(key)
    page.wait_for_timeout(200)
    decided = history(service, shared.grade).decisions
    assert [decided[each].rating for each in TITLES] == ["B", "B"]
    assert service.store.verify().entries == before + 2


def test_a_draft_survives_a_regrade(service: Service, shared: Any) -> None:
    page = shared.open(service.page())
    page.fill("#c1-comment", "typed before the regrade")
    new = shared.regrade()
    shared.open(page, new)
    assert page.input_value("#c1-comment") == "typed before the regrade"
    page.click("button[value=comment]")
    saved(page)
    assert history(service, new).decisions[TITLES[1]].comment == "typed before the regrade"


def test_a_draft_does_not_replace_a_newer_comment_of_another_ta(service: Service, shared: Any) -> None:
    page = shared.open(service.page())
    page.fill("#c0-comment", "my draft")
    service.store.record_override(shared.grade, TITLES[0], "A", "by Ben", request="ben", actor="ben")
    page.reload()
    assert page.input_value("#c0-comment") == "my draft" and "has changed" in page.inner_text("#c0-draft")
    page.click("button[value=comment]")
    page.wait_for_selector("text=Your version was not applied")
    assert "by Ben" in page.inner_text("main") and page.input_value("textarea") == "my draft"
    page.click("text=Keep the saved version")
    page.wait_for_selector("#c0-comment")
    assert page.input_value("#c0-comment") == "by Ben" and page.inner_text("#c0-draft") == ""
    assert history(service, shared.grade).overrides[-1].action is Action.CONFLICT  # the draft is in the history


def test_a_mine_applied_after_a_conflict_leaves_no_draft(service: Service, shared: Any) -> None:
    page = shared.open(service.page())
    page.fill("#c0-comment", "mine")
    service.store.record_override(shared.grade, TITLES[0], "A", "by Ben", request="ben", actor="ben")
    page.click("#c0-r2")
    page.wait_for_selector("text=Your version was not applied")
    page.fill("textarea", "mine, and Ben's")
    page.click("text=Apply mine")
    page.wait_for_selector("#c0-comment")
    assert page.input_value("#c0-comment") == "mine, and Ben's" and page.inner_text("#c0-draft") == ""
    assert history(service, shared.grade).decisions[TITLES[0]].rating == "C"


def test_text_typed_next_to_an_undone_step_stays(service: Service, shared: Any) -> None:
    page = shared.open(service.page())
    page.click("#c0-r1")
    saved(page)
    page.fill("#c0-comment", "a new thought")
    page.click("#c0-undo")
    page.locator("#c0-undo").wait_for(state="detached")
    assert page.input_value("#c0-comment") == "a new thought" and "not saved" in page.inner_text("#c0-draft")


def test_an_error_of_a_proxy_leaves_the_page_as_it_is(service: Service, shared: Any) -> None:
    page = shared.open(service.page())
    page.fill("#c0-comment", "still here")
    failing = [True]

    def fail_once(route: Any) -> None:
        if route.request.method == "POST" and failing:
            return route.fulfill(status=502, body="<h1>Bad gateway</h1>", content_type="text/html")
        return route.continue_()

    page.route("**/grades/*", fail_once)
    page.click("#c0-r0")
    page.locator("#status.bad", has_text="Not saved: Bad gateway").wait_for()
    failing.clear()
    page.click("#c0-r0")
    saved(page)
    assert history(service, shared.grade).decisions[TITLES[0]].comment == "still here"
    service.errors[:] = [each for each in service.errors if "502" not in each]


def test_without_storage_in_the_browser_leaving_asks_first(service: Service, shared: Any) -> None:
    page = shared.open(service.page())
    page.evaluate("void (Storage.prototype.setItem = () => { throw new Error('full') })")
    page.locator("#c0-comment").press_sequentially("x")
    assert page.inner_text("#c0-draft") == "Not saved yet"
    assert leaving_asks(page)


def leaving_asks(page: Any) -> bool:
    """Whether the browser asks before the page is closed."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    other = page.context.new_page()
    page.close(run_before_unload=True)
    end = time.monotonic() + 3
    while not dialogs and time.monotonic() < end:
        other.wait_for_timeout(50)
    return dialogs == ["beforeunload"]


def test_leaving_a_form_with_unsent_text_asks_first(service: Service, shared: Any) -> None:
    RegradeRequests(service.store.database).submit(shared.grade, TITLES[0], "Please.", request="q", actor="moodle")
    page = service.page()
    page.goto(f"{service.url}/regrade-requests?course={COURSE}")
    page.locator("textarea").first.press_sequentially("half an answer")
    assert leaving_asks(page)


def test_the_wheel_changes_no_rating(service: Service, shared: Any) -> None:
    page = shared.open(service.page())
    before = service.store.verify().entries
    assert page.locator("input[type=number]").count() == 0
    page.hover("#c0-r1")
    page.mouse.wheel(0, 300)
    page.goto(f"{service.url}/regrade-requests?course={COURSE}")
    for select in page.locator("main select").all():
        select.focus()
        select.hover()
        page.mouse.wheel(0, 300)
        assert select.input_value() == ""
    assert service.store.verify().entries == before


def test_a_page_opened_twice_gives_no_one_the_others_choice(service: Service, shared: Any) -> None:
    """Opening writes nothing, and each decision has its own author."""
    ben = service.store.create_key("Ben", Role.TA, COURSE, actor="test")
    first, second = shared.open(service.page()), shared.open(service.page(ben[0]))
    before = service.store.verify().entries
    shared.open(second)
    assert service.store.verify().entries == before
    first.click("#c0-r0")
    second.click("#c1-r1")
    saved(first)
    saved(second)
    records = history(service, shared.grade).overrides
    assert {(each.criterion, each.actor == ben[1].id) for each in records} == {(TITLES[0], False), (TITLES[1], True)}
