"""The LTI tool over a real service, launched from the strict platform by a browser without script."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from starlette.testclient import TestClient

from serving.lti.keys import ToolKeys
from serving.lti.platforms.courses import PlatformCourses
from serving.lti.platforms.platforms import Platform, PlatformDetails, Platforms
from serving.lti.tool import Tool
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.access.roles import Role
from serving.store.store import Store
from serving.web.lti.app import mount_lti
from serving.web.lti.state import LtiOptions
from tests.harness.browser.pages import COURSE, SESSION_KEY, pages_app
from tests.harness.lti.fake_lti import CLIENT, CONTEXT, DEPLOYMENT, INSTRUCTOR, FakeLti, Launch

TOOL = Tool("https://grader.example")
TEACHER = "teacher"


class LtiTool:
    """A service with the tool, registered at `fake`, whose course is connected to `COURSE`."""

    def __init__(self, store: Store, fake: FakeLti, key_file: Any, tool: Tool = TOOL, **details: Any) -> None:
        store.create_key("admin", Role.ADMIN, None, actor="test")
        self.store, self.fake, self.keys, self.tool = store, fake, ToolKeys(key_file), tool
        self.policy = OutboundPolicy(frozenset({parse_origin(fake.url)}))
        self.platform = self.register(**details)
        PlatformCourses(store, "test").connect(self.platform, DEPLOYMENT, CONTEXT, COURSE)
        fake.redirect_uris, fake.tool_keys = (tool.launch_url,), self.keys.public_set
        fake.people[TEACHER] = {"user_id": TEACHER, "roles": [INSTRUCTOR], "name": "Ada L"}
        self.app = self.new_app()

    def register(self, **details: Any) -> Platform:
        fake = self.fake
        given = {
            "name": "Campus",
            "issuer": fake.issuer,
            "client_id": CLIENT,
            "authorization_url": fake.authorization_url,
            "token_url": fake.token_url,
            "keys_url": fake.keys_url,
            "deployments": (DEPLOYMENT,),
            "student_id": "sis",
        }
        return Platforms(self.store, "test").register(PlatformDetails.model_validate(given | details), self.policy)

    def new_app(self) -> Any:
        """Another process of the service, over the same store and keys."""
        app = pages_app(self.store, blind_share=0.0)
        mount_lti(app, LtiOptions(self.tool, self.keys, SESSION_KEY, self.policy))
        return app


class LtiBrowser:
    """A browser with the cookies of the tool. `dest`: where it shows the tool, as Sec-Fetch-Dest."""

    def __init__(self, tool: LtiTool, dest: str = "iframe", app: Any = None) -> None:
        self.tool, self.dest = tool, dest
        self.client = TestClient(app or tool.app, TOOL.url, raise_server_exceptions=False)

    def launch(self, user: str = TEACHER, **changes: Any) -> httpx.Response:
        """A complete launch; the page that it leads to."""
        return self.finish(self.start(Launch(user, TOOL.launch_url, **changes)))

    def start(self, launch: Launch, **changes: str | None) -> dict[str, str]:
        """The login, up to the form that the platform lets the browser post to the tool. `changes`: of the login."""
        given = {**self.tool.fake.initiate(launch), **changes}
        query = {name: value for name, value in given.items() if value is not None}
        answer = self.client.get("/lti/login", params=query, follow_redirects=False)  # as a client without script
        assert answer.status_code == 302, answer.text
        where = answer.headers["location"]
        assert where.startswith(self.tool.platform.authorization_url)
        target, form = self.tool.fake.authorize(dict(parse_qsl(urlsplit(where).query)))
        assert target == TOOL.launch_url
        return form

    def finish(self, form: dict[str, str], **headers: str) -> httpx.Response:
        origin = {"Origin": self.tool.fake.url, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": self.dest}
        return self.client.post("/lti/launch", data=form, headers={**origin, **headers})


@contextmanager
def running_platform() -> Iterator[FakeLti]:
    fake = FakeLti()
    yield fake
    fake.close()
