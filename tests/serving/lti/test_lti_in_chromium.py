"""The tool in a frame of a platform of another site, in Chromium: with cookies, and in a browser that drops them."""

import html
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe

from labs_schema.models import Lab
from serving.lti.tool import Tool
from serving.store.store import Store
from tests.harness.chromium import chromium
from tests.harness.fake_lti import CLAIM, FakeLti, Launch
from tests.harness.lti_browser import TEACHER, LtiTool
from tests.harness.pages import record_lab

pytestmark = pytest.mark.slow

STORAGE = """
<script>
const stored = {};
addEventListener("message", (event) => {
  const { subject, key, value, message_id } = event.data;
  if (event.origin !== TOOL) return;
  if (subject === "lti.put_data") stored[key] = value;
  const answer = { subject: subject + ".response", message_id, key, value: stored[key] };
  event.source.postMessage(answer, event.origin);
});
</script>
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Without third-party cookies that are not partitioned, as browsers will be."""
    # A page that the test makes counts as public, and must not reach this machine otherwise.
    with chromium("--test-third-party-cookie-phaseout", "--disable-features=LocalNetworkAccessChecks") as opened:
        yield opened


class Classroom:
    """A platform at 127.0.0.1, and the tool at localhost: two sites. `errors`: what any page reported."""

    def __init__(self, browser: Any, store: Store, fake: FakeLti, key_file: Path, lab: Lab) -> None:
        self.fake, self.lab, self.errors, self.drops_cookies = fake, lab, list[str](), False
        fake.people.clear()
        fake.enrol(2)
        self.grades = record_lab(store, lab)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.tool = Tool(f"http://localhost:{port}")
        self.made = LtiTool(store, fake, key_file, self.tool)
        self._server = uvicorn.Server(uvicorn.Config(self._app, port=port, log_level="critical", interface="asgi3"))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)
        self.context = browser.new_context()
        self.context.route(f"{fake.url}/**", self._platform_page)
        self.context.on("page", self._watch)
        self.page = self.context.new_page()
        self.context.set_default_timeout(15_000)

    def close(self) -> None:
        self.context.close()
        self._server.should_exit = True
        self._thread.join(20)

    def open(self, launch: Launch, **login: str) -> Any:
        """The frame of the tool in the platform's page."""
        given = {**self.fake.initiate(launch), **login}
        self.login = f"{self.tool.login_url}?{urlencode(given)}"
        self.page.goto(f"{self.fake.url}/course")
        return self.page.frame_locator("iframe")

    def launch(self, **changes: Any) -> Launch:
        return Launch(TEACHER, self.tool.launch_url, claims={f"{CLAIM}custom": {"lab": self.lab.name}}, **changes)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        """A browser that drops the cookies of a frame is one to which the frame sets none."""
        dest = dict(scope.get("headers", ())).get(b"sec-fetch-dest", b"")

        async def without_cookies(message: Any) -> None:
            if self.drops_cookies and dest == b"iframe" and "headers" in message:
                message["headers"] = [each for each in message["headers"] if each[0].lower() != b"set-cookie"]
            await send(message)

        await self.made.app(scope, receive, without_cookies)

    def _platform_page(self, route: Any) -> None:
        parts = urlsplit(route.request.url)
        if parts.path == "/course":
            frame = (
                f'<iframe name="tool" title="Tool" width="900" height="700" src="{html.escape(self.login)}"></iframe>'
            )
            body = STORAGE.replace("TOOL", json.dumps(self.tool.url)) + frame
        elif parts.path == "/auth":
            target, fields = self.fake.authorize(dict(parse_qsl(parts.query)))
            inputs = (f'<input type="hidden" name="{n}" value="{html.escape(v)}">' for n, v in fields.items())
            form = f'<form method="post" action="{html.escape(target)}">{"".join(inputs)}</form>'
            body = f"{form}<script>document.forms[0].submit()</script>"
        else:
            route.continue_()
            return
        route.fulfill(body=f"<!doctype html><title>x</title>{body}", content_type="text/html")

    def _watch(self, page: Any) -> None:
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))


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
