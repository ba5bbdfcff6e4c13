"""The tool in a frame of a platform of another site, in Chromium: with cookies, and in a browser that drops them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from labs_schema.models import Lab
from serving.store.store import Store
from tests.harness.browser.chromium import chromium
from tests.harness.lti.classroom import FLAGS, Classroom
from tests.harness.lti.fake_lti import FakeLti

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium(*FLAGS) as opened:
        yield opened


@pytest.fixture
def classroom(
    browser: Any, store: Store, platform: FakeLti, key_file: Path, make_lab: Callable[..., Lab]
) -> Iterator[Classroom]:
    opened = Classroom(browser, store, platform, key_file, make_lab(students=2))
    yield opened
    opened.close()
    assert opened.errors == []


def test_a_ta_decides_in_the_frame_with_a_partitioned_cookie(classroom: Classroom) -> None:
    frame = classroom.open(classroom.launch())
    frame.get_by_role("link", name="Review the next submission").click()
    frame.get_by_role("button", name="Accept").first.click()
    frame.get_by_role("button", name="Undo").first.wait_for()
    [session] = [each for each in classroom.context.cookies() if each["name"] == "grader_session"]
    assert session["partitionKey"].startswith("http://127.0.0.1") and session["sameSite"] == "None"
    histories = [classroom.made.store.read_history(each) for each in classroom.grades]
    assert any(each.records for each in histories)


def test_without_cookies_the_platform_stores_the_login_and_a_window_opens(classroom: Classroom) -> None:
    classroom.drops_cookies = True
    frame = classroom.open(classroom.launch(), lti_storage_target="_parent")
    with classroom.context.expect_page() as opened:
        frame.get_by_role("button", name="Open in a new window").click()
    opened.value.get_by_role("link", name="Review the next submission").click()
    opened.value.get_by_role("button", name="Accept").first.wait_for()


def test_without_cookies_and_storage_the_login_starts_again_in_a_window(classroom: Classroom) -> None:
    classroom.drops_cookies = True
    frame = classroom.open(classroom.launch())
    with classroom.context.expect_page() as opened:
        frame.get_by_role("link", name="Open in a new window").click()
    opened.value.wait_for_url(f"{classroom.fake.url}/auth**")  # after a redirect, which Playwright does not replace
    opened.value.evaluate("document.forms[0].submit()")
    opened.value.get_by_role("link", name="Review the next submission").wait_for()


def test_a_chosen_lab_is_posted_to_the_platform(classroom: Classroom) -> None:
    classroom.fake.deep_links.clear()
    frame = classroom.open(classroom.launch(message="LtiDeepLinkingRequest"))
    frame.get_by_role("radio", name=classroom.lab.name).check()
    found = Axe().run(classroom.page)
    assert [each["id"] for each in found.response["violations"] if "localhost" in str(each["nodes"])] == []
    frame.get_by_role("button", name="Add the link").click()
    frame.get_by_text("added").wait_for()
    assert [each["title"] for each in classroom.fake.deep_links] == [classroom.lab.name]
