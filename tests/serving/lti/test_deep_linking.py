"""Deep linking: a teacher chooses a lab, and the platform gets a signed link with a column for grades."""

import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from serving.lti.platforms.platforms import Platforms
from tests.harness.browser.pages import Forms
from tests.harness.lti.browser import TEACHER, TOOL, LtiBrowser
from tests.harness.lti.fake_lti import DEEP, DROP, Launch
from tests.harness.lti.fake_lti_services import Request
from tests.serving.lti.conftest import Course
from tests.serving.lti.test_refused_launches import code

OWN = {"Origin": TOOL.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def choices(course: Course, **settings: Any) -> tuple[LtiBrowser, dict[str, str]]:
    """The browser on the page with the labs, and the fields of its form."""
    browser = LtiBrowser(course)
    given = {
        "deep_link_return_url": course.fake.deep_link_url,
        "accept_types": ["ltiResourceLink"],
        "data": "echo",
        **settings,
    }
    given = {name: value for name, value in given.items() if value is not DROP}
    page = browser.launch(message="LtiDeepLinkingRequest", claims={f"{DEEP}deep_linking_settings": given})
    assert page.status_code == 200, page.text
    [(action, fields)] = Forms(page.text).found
    assert action == "choose" and course.lab.name in page.text
    return browser, fields


def answer(course: Course, page: httpx.Response) -> dict[str, Any]:
    """The claims that the strict platform accepts from the page that posts to it."""
    [(action, fields)] = Forms(page.text).found
    assert action == course.fake.deep_link_url
    assert f"form-action {course.fake.url}" in page.headers["content-security-policy"]
    body = urlencode(fields).encode()
    found: dict[str, Any] = course.fake.deep_link(Request("POST", "/deep-link", {}, FORM, body))
    return found


def test_a_chosen_lab_becomes_a_link_with_a_column(course: Course) -> None:
    browser, fields = choices(course)
    page = browser.client.post("/lti/choose", data={**fields, "lab": course.lab.name, "act": "add"}, headers=OWN)
    [item] = answer(course, page)[f"{DEEP}content_items"]
    assert item["url"] == TOOL.launch_url and item["custom"] == {"lab": course.lab.name}
    assert item["lineItem"]["scoreMaximum"] == sum(each.max_marks or 0 for each in course.lab.criteria) == 3
    assert item["lineItem"]["resourceId"] == course.lab.name


def test_the_link_opens_the_lab_that_was_chosen(course: Course) -> None:
    browser, fields = choices(course)
    page = browser.client.post("/lti/choose", data={**fields, "lab": course.lab.name, "act": "add"}, headers=OWN)
    [item] = answer(course, page)[f"{DEEP}content_items"]
    claims = {"https://purl.imsglobal.org/spec/lti/claim/custom": item["custom"]}
    assert f"lab={course.lab.name}" in str(LtiBrowser(course).launch(claims=claims).url)


@pytest.mark.parametrize(("settings", "act"), [({}, "cancel"), ({"accept_lineitem": False}, "add")])
def test_nothing_or_no_column(course: Course, settings: dict[str, Any], act: str) -> None:
    browser, fields = choices(course, **settings)
    page = browser.client.post("/lti/choose", data={**fields, "lab": course.lab.name, "act": act}, headers=OWN)
    items = answer(course, page)[f"{DEEP}content_items"]
    assert [sorted(each) for each in items] == ([] if act == "cancel" else [["custom", "title", "type", "url"]])


@pytest.mark.parametrize("data", [{"section": 4, "place": ["top", None]}, [1.5, "ü"], 0, "x" * 9_000])
def test_the_platforms_data_comes_back_as_it_was(course: Course, data: Any) -> None:
    """It is opaque to the tool: OpenLearning's library sends an object."""
    browser, fields = choices(course, data=data)
    page = browser.client.post("/lti/choose", data={**fields, "lab": course.lab.name, "act": "add"}, headers=OWN)
    [token] = re.findall(r'name="JWT" value="([^"]+)"', page.text)
    assert course.fake.verified(token, course.fake.issuer, ["iss", "nonce"])[f"{DEEP}data"] == data


@pytest.mark.parametrize(
    "settings",
    [
        {"data": "x" * 11_000},
        {"data": {"a": float("nan")}},
        {"deep_link_return_url": "javascript:alert(1)"},
        {"deep_link_return_url": "http://evil.example/"},
        {"deep_link_return_url": "//evil.example/"},
        {"deep_link_return_url": "https://a.example; script-src *"},
        {"accept_types": ["file"]},
        {"accept_types": "ltiResourceLink"},
        {"deep_link_return_url": DROP},
    ],
)
def test_unusable_settings_are_refused(course: Course, settings: dict[str, Any]) -> None:
    given = {"deep_link_return_url": course.fake.deep_link_url, "accept_types": ["ltiResourceLink"], **settings}
    given = {name: value for name, value in given.items() if value is not DROP}
    page = LtiBrowser(course).launch(message="LtiDeepLinkingRequest", claims={f"{DEEP}deep_linking_settings": given})
    assert code(page) in ("lti-claim-invalid", "lti-claim-missing")


def test_only_the_tools_own_page_may_answer(course: Course) -> None:
    browser, fields = choices(course)
    sent = {**fields, "lab": course.lab.name, "act": "add"}
    for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
        assert code(browser.client.post("/lti/choose", data=sent, headers=headers)) == "lti-other-browser"
    for wrong in ({"choice": fields["choice"] + "x"}, {"choice": ""}, {"lab": "lab9"}, {"lab": "../x"}):
        assert code(browser.client.post("/lti/choose", data={**sent, **wrong}, headers=OWN)) == "lti-choice"


def test_a_ticket_is_no_choice(course: Course) -> None:
    """Signed values of one kind are not read as another kind."""
    browser = LtiBrowser(course)
    state = browser.start(Launch(TEACHER, TOOL.launch_url))["state"]
    sent = {"choice": state, "lab": course.lab.name, "act": "add"}
    assert code(browser.client.post("/lti/choose", data=sent, headers=OWN)) == "lti-choice"
    assert code(browser.client.post("/lti/window", data={"ticket": state}, headers=OWN)) == "lti-state"


def test_a_choice_ends_with_the_access_and_with_the_platform(own_course: Course) -> None:
    browser, fields = choices(own_course)
    sent = {**fields, "lab": own_course.lab.name, "act": "add"}
    own_course.store.revoke_key(own_course.store.list_keys()[-1].id, actor="test")
    assert code(browser.client.post("/lti/choose", data=sent, headers=OWN)) == "lti-access-revoked"
    Platforms(own_course.store).remove(own_course.platform.id)
    assert code(browser.client.post("/lti/choose", data=sent, headers=OWN)) == "lti-unknown-platform"


def test_the_response_is_signed_for_the_platform(course: Course) -> None:
    browser, fields = choices(course)
    page = browser.client.post("/lti/choose", data={**fields, "lab": course.lab.name, "act": "add"}, headers=OWN)
    [token] = re.findall(r'name="JWT" value="([^"]+)"', page.text)
    assert course.fake.verified(token, course.fake.issuer, ["iss", "nonce"])["exp"]
