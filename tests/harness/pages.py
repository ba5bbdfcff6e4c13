"""A service with the pages and without a model, and a client that uses them as a browser without script does."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import httpx
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.api.service import ServiceOptions
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import OneCourse
from serving.scheduler.engine_thread import EngineThread
from serving.store.roles import Role
from serving.store.store import Store
from serving.web.app import mount_pages

COURSE = "cs101"
SESSION_KEY = b"k" * 32
NO_MODEL: Any = SimpleNamespace(close=lambda: None)


def pages_app(store: Store, courses: Any = None, **options: Any) -> Any:
    """The service of `grader serve` over `store`. Keys count if they were created before. `options`: of the pages."""
    engine = EngineThread(lambda: NO_MODEL, capacity=1)
    courses = courses or OneCourse(COURSE, LabRegistry())
    app = create_app(engine, courses, store, ServiceOptions(rate="100000/second"))
    mount_pages(app, SESSION_KEY, **options)
    return app


class Forms(HTMLParser):
    """The forms of a page: action, and the fields with the values that a browser would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._text: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        elif tag == "textarea" and self.found and "name" in given:
            self._text = given["name"]
            self.found[-1][1][self._text] = ""
        elif tag == "input" and self.found and "name" in given:
            choice = given.get("type") in ("radio", "checkbox")
            if not choice or "checked" in given:
                self.found[-1][1][given["name"]] = given.get("value", "on" if choice else "")

    def handle_data(self, data: str) -> None:
        if self._text:
            self.found[-1][1][self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._text = None


class Visitor:
    """A browser without script: it follows redirects, stores cookies and submits the forms of the page it is on."""

    def __init__(self, app: Any, base_url: str = "http://localhost") -> None:
        self.client = TestClient(app, base_url, raise_server_exceptions=False)
        self.page: httpx.Response = httpx.Response(200)

    def open(self, path: str) -> httpx.Response:
        self.page = self.client.get(urljoin("/app/", path))
        return self.page

    def submit(self, action: str, **changes: str | None) -> httpx.Response:
        """The first form of the page whose action contains `action`. None leaves a field out."""
        found = next(each for each in Forms(self.page.text).found if action in each[0])
        data = {name: value for name, value in {**found[1], **changes}.items() if value is not None}
        where = str(self.page.url)
        headers = {"Origin": re.sub(r"(https?://[^/]+).*", r"\1", where), "Referer": where}
        self.page = self.client.post(urljoin(where, found[0]), data=data, headers=headers)
        return self.page

    def sign_in(self, token: str) -> "Visitor":
        self.open("sign-in")
        assert self.submit("sign-in", key=token).status_code == 200
        return self


def visitor(app: Any, store: Store, role: str = "ta", course: str | None = COURSE, name: str = "") -> Visitor:
    """A signed-in visitor with a new key."""
    token, _ = store.create_key(name or role, Role(role), course, actor="test")
    return Visitor(app).sign_in(token)
