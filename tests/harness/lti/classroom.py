"""A course page of an LTI platform in Chromium, with the tool in a frame: two sites."""

import html
import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import uvicorn

from labs_schema.models import Lab
from serving.lti.tool import Tool
from serving.store.store import Store
from tests.harness.browser.pages import record_lab
from tests.harness.lti.browser import TEACHER, LtiTool
from tests.harness.lti.fake_lti import CLAIM, FakeLti, Launch
from tests.harness.processes.forking import free_port

FLAGS = ("--test-third-party-cookie-phaseout", "--disable-features=LocalNetworkAccessChecks")
"""Without third-party cookies that are not partitioned, as browsers will be. A page that the test makes counts as
public, and must not reach this machine otherwise."""
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


class Classroom:
    """A platform at 127.0.0.1, and the tool at localhost: two sites. `errors`: what any page reported.

    `grades`: options of `record_lab`.
    """

    def __init__(self, browser: Any, store: Store, fake: FakeLti, key_file: Path, lab: Lab, **grades: Any) -> None:
        self.fake, self.lab, self.errors, self.drops_cookies = fake, lab, list[str](), False
        fake.people.clear()
        fake.enrol(2)
        self.grades = record_lab(store, lab, **grades)
        port = free_port()
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
