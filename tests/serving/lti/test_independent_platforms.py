"""Two platforms of others launch the tool and get its links and grades: the good path.

`lti1p3platform` (OpenLearning) and `lti-consumer-xblock` (Open edX). The second one has about 70 requirements, so an
interpreter of another environment runs it: GRADER_TEST_OPENEDX_PYTHON. Both check less than the standard demands; bad
launches are tested with the strict platform.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from grader.cli import app as commands
from labs_schema.grades import Status
from labs_schema.models import Lab
from serving.lti.keys import ToolKeys
from serving.lti.platforms.courses import PlatformCourses
from serving.lti.platforms.platforms import PlatformDetails, Platforms
from serving.lti.tool import Tool
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.access.roles import Role
from serving.store.store import Store, open_store
from serving.web.lti.app import mount_lti
from serving.web.lti.state import LtiOptions
from tests.harness.browser.pages import COURSE, SESSION_KEY, Forms, pages_app
from tests.harness.stores.graded_store import grade_students, record_grade

pytestmark = pytest.mark.nightly

HARNESS = Path(__file__).parents[2] / "harness" / "lti"
OPENEDX = os.environ.get("GRADER_TEST_OPENEDX_PYTHON") or (sys.executable if find_spec("lti_consumer") else "")
PLATFORMS = [
    pytest.param(
        "openlearning", sys.executable, id="lti1p3platform",
        marks=pytest.mark.skipif(find_spec("lti1p3platform") is None, reason="lti1p3platform is not installed"),
    ),
    pytest.param(
        "openedx", OPENEDX, id="lti-consumer-xblock",
        marks=pytest.mark.skipif(not OPENEDX, reason="GRADER_TEST_OPENEDX_PYTHON names no Python with the package"),
    ),
]  # fmt: skip


@contextmanager
def served(application: Any, port: int) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield
    server.should_exit = True
    thread.join(20)


class Campus:
    """The tool at localhost, a platform at 127.0.0.1, and a browser for each person."""

    def __init__(self, tool: Tool, addresses: dict[str, str]) -> None:
        self.tool, self.addresses = tool, SimpleNamespace(**addresses)
        self.url = addresses["url"]

    def browser(self) -> httpx.Client:
        client = httpx.Client(timeout=30)

        def add_cookies(request: httpx.Request) -> None:
            """Those for https too: browsers send them to localhost."""
            if request.url.host == "localhost":
                sent = [each for each in client.cookies.jar if request.url.path.startswith(each.path)]
                request.headers["Cookie"] = "; ".join(f"{each.name}={each.value}" for each in sent)

        client.event_hooks["request"] = [add_cookies]
        return client

    def state(self) -> Any:
        return httpx.get(f"{self.url}/state").json()

    def launch(self, browser: httpx.Client, user: str, message: str = "LtiResourceLinkRequest") -> httpx.Response:
        """From the platform's page to that of the tool, as a browser without script."""
        start = browser.get(f"{self.url}/start", params={"user": user, "message": message}).json()["url"]
        assert start.startswith(self.tool.login_url)
        login = browser.get(start)
        assert login.status_code == 302 and login.headers["location"].startswith(self.addresses.authorization_url)
        page = browser.get(login.headers["location"])
        assert page.status_code == 200, page.text
        [(action, fields)] = Forms(page.text).found
        assert action == self.tool.launch_url
        origin = {"Origin": self.url, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}
        return browser.post(action, data=fields, headers=origin, follow_redirects=True)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab: Lab) -> Iterator[Store]:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "store.db"))
    opened = open_store(str(tmp_path / "store.db"))
    opened.create_key("admin", Role.ADMIN, None, actor="test")
    grade_students(opened, lab, 2)
    record_grade(opened, lab, "s002", {each.title: "A" for each in lab.criteria}, status=Status.NEEDS_REVIEW)
    yield opened
    opened.close()


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(students=0)


@pytest.fixture
def campus(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store, lab: Lab
) -> Iterator[Campus]:
    name, python = request.param
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tool, keys = Tool(f"http://localhost:{port}"), ToolKeys(tmp_path / "lti-keys.json")
    command = [python, str(HARNESS / f"{name}_platform.py"), tool.url, lab.name]
    environment = {each: value for each, value in os.environ.items() if each != "PYTHONPATH"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as platform:
        assert platform.stdout is not None and platform.stdin is not None
        made = Campus(tool, json.loads(platform.stdout.readline()))
        monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", made.url)
        policy = OutboundPolicy(frozenset({parse_origin(made.url)}))
        given = made.addresses
        details = PlatformDetails(
            name=name, issuer=given.issuer, client_id=given.client_id, authorization_url=given.authorization_url,
            token_url=given.token_url, keys_url=given.keys_url, deployments=(given.deployment,),
            student_id="email-name",
        )  # fmt: skip
        registered = Platforms(store, "test").register(details, policy)
        PlatformCourses(store, "test").connect(registered, given.deployment, given.context, COURSE)
        application = pages_app(store, blind_share=0.0)
        mount_lti(application, LtiOptions(tool, keys, SESSION_KEY, policy))
        with served(application, port):
            yield made
        platform.stdin.close()


@pytest.mark.parametrize("campus", [pytest.param(each.values, id=each.id, marks=each.marks) for each in PLATFORMS],
                         indirect=True)  # fmt: skip
def test_login_launch_deep_linking_members_and_scores(campus: Campus, lab: Lab) -> None:
    with campus.browser() as teacher, campus.browser() as student:
        review = campus.launch(teacher, "teacher")
        assert review.url.path == "/app/lab" and "Review the next submission" in review.text
        assert campus.launch(student, "u0").url.path == "/app/feedback"

        [(action, fields)] = Forms(campus.launch(teacher, "teacher", "LtiDeepLinkingRequest").text).found
        own = {"Origin": campus.tool.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"}
        chosen = {**fields, "lab": lab.name, "act": "add"}
        answer = teacher.post(f"{campus.tool.url}/lti/{action}", data=chosen, headers=own)
        [(action, fields)] = Forms(answer.text).found
        saved = teacher.post(action, data=fields)
        assert saved.status_code == 200, saved.text
        [link] = campus.state()["links"]
        assert link["url"] == campus.tool.launch_url and link["custom"] == {"lab": lab.name}

    send = ["send", "lti", f"{COURSE}/{lab.name}", "--confirm", "--json"]
    result = CliRunner().invoke(commands, send)
    assert result.exit_code == 0, result.output
    state = campus.state()
    assert state["scores"] == {"u0": 2, "u1": 2, "u2": None}
    assert state["progress"] == {"u0": "FullyGraded", "u1": "FullyGraded", "u2": "PendingManual"}
    assert "Does it compile?" in state["comments"]["u0"] and not state["comments"]["u2"]
    again = json.loads(CliRunner().invoke(commands, send).stdout)
    assert [each["action"] for each in again] == ["unchanged", "unchanged", "waits-for-review"]
