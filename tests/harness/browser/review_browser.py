"""The review pages on a port of their own, used by Chromium."""

import threading
import time
from typing import Any

import uvicorn

from serving.store.access.roles import Role
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, pages_app
from tests.harness.processes.forking import free_port


class Service:
    """The pages on a port of their own. `token` is the key of a TA. `errors`: what any page reported."""

    def __init__(self, browser: Any, store: Store, **options: Any) -> None:
        self.browser, self.store, self.errors = browser, store, list[str]()
        store.create_key("admin", Role.ADMIN, None, actor="test")
        self.token = store.create_key("Ada Meyer", Role.TA, COURSE, actor="test")[0]
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/app"
        self.app = pages_app(store, **options)
        config = uvicorn.Config(self.app, port=port, log_level="critical")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)

    def page(self, token: str | None = None, **options: Any) -> Any:
        """A page of a new browser profile, signed in. Console messages, CSP reports and foreign requests are errors."""
        context = self.browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        page = context.new_page()
        page.on(
            "console",
            lambda message: "409" in message.text or "401" in message.text or self.errors.append(message.text),
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: request.url.startswith(self.url) or self.errors.append(request.url))
        page.goto(f"{self.url}/sign-in")
        page.fill("#key", token or self.token)
        page.click("main button")
        page.wait_for_url(f"{self.url}/")
        return page

    def lab(self, page: Any, lab: str, query: str = "") -> Any:
        page.goto(f"{self.url}/lab?course={COURSE}&lab={lab}{query}")
        return page


def open_first(page: Any) -> None:
    """From the list of a lab to its first submission."""
    page.click("a.button.primary")
    page.wait_for_url("**/grades/*")


def saved(page: Any) -> None:
    page.locator("#status", has_text="Saved").wait_for()
