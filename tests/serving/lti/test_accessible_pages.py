"""Every page of the tool, as its launches, logins and registrations show it: axe (WCAG 2.2 AA), dark, 320 px, 200 %."""

import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Template

from labs_schema.models import Lab
from tests.harness.browser.accessibility import page_faults
from tests.harness.browser.chromium import chromium
from tests.harness.browser.pages import record_lab
from tests.harness.lti.browser import TEACHER, TOOL, LtiBrowser
from tests.harness.lti.fake_lti import CLAIM, DROP, LEARNER, Launch
from tests.serving.lti.conftest import Course
from tests.serving.lti.test_deep_linking import OWN, choices
from tests.serving.lti.test_registration import Invited

pytestmark = pytest.mark.slow
WEB = Path(__file__).parents[3] / "serving" / "web"
NO_STUDENT = {f"{CLAIM}lis": DROP, "email": DROP, f"{CLAIM}roles": [LEARNER]}
UNCONNECTED = {f"{CLAIM}context": {"id": "another"}}


def open_every_page(course: Course) -> None:
    browser, learner = LtiBrowser(course), {f"{CLAIM}roles": [LEARNER]}
    browser.client.get("/lti/launch")
    browser.launch(claims=UNCONNECTED)
    browser.launch("u0", claims=UNCONNECTED)
    browser.launch("u0", claims=learner)
    browser.launch("u9", claims=NO_STUDENT)
    chosen, fields = choices(course)
    chosen.client.post("/lti/choose", data={**fields, "lab": course.lab.name, "act": "add"}, headers=OWN)
    in_frame = {"Sec-Fetch-Dest": "iframe"}
    given = course.fake.initiate(Launch(TEACHER, TOOL.launch_url))
    browser.client.get("/lti/login", params=given, headers=in_frame)
    blocked = LtiBrowser(course)
    form = blocked.start(Launch(TEACHER, TOOL.launch_url), lti_storage_target="_parent")
    [secret] = [each.value for each in blocked.client.cookies.jar if each.name.startswith("grader_lti_")]
    blocked.client.cookies.clear()
    blocked.finish(form)
    blocked.finish({**form, "secret": str(secret)}, **OWN)
    invited = Invited(course)
    invited.confirm(invited.open())


def test_every_page_of_the_tool_is_accessible(own_course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    course, shown, render = own_course, dict[str, str](), Template.render
    another: Lab = course.lab.model_copy(update={"name": "lab2"})
    record_lab(course.store, another, request="job2")
    course.fake.people["u9"] = {"user_id": "u9", "roles": [LEARNER]}

    def recording(template: Template, *args: Any, **context: Any) -> str:
        html = render(template, *args, **context)
        shown.setdefault(template.name or "", html)
        return html

    monkeypatch.setattr(Template, "render", recording)
    open_every_page(course)
    names = {path.name for path in (WEB / "templates").glob("lti_*.html")}
    assert names - shown.keys() == set()
    with chromium() as browser:
        page = browser.new_context(java_script_enabled=True).new_page()
        page.route("**/*", lambda route: answer(route, shown))
        found = []
        for name in sorted(names & shown.keys()):
            page.goto(f"{TOOL.url}/{name}")
            found += [f"{name}: {each}" for each in page_faults(page)]
    assert found == []


def answer(route: Any, shown: dict[str, str]) -> None:
    """The page without its script, which would leave it at once."""
    path = route.request.url.removeprefix(TOOL.url).partition("?")[0]
    if found := re.fullmatch(r"/app/static/([\w.-]+\.css|[\w.-]+\.svg)", path):
        route.fulfill(path=WEB / "static" / found[1])
    elif path[1:] in shown:
        route.fulfill(body=shown[path[1:]], content_type="text/html; charset=utf-8")
    else:
        route.fulfill(body="", content_type="text/javascript")
