"""Dynamic registration: only with a one-time link of an administrator, only for the platform that speaks for itself."""

from typing import Any

import httpx
import pytest

from serving.lti.platforms.platforms import Platforms
from serving.lti.platforms.registration import RegistrationLinks
from tests.harness.browser.pages import Forms
from tests.harness.lti.browser import TOOL, LtiBrowser
from tests.harness.lti.fake_lti import CLIENT, DEPLOYMENT, FakeLti
from tests.serving.lti.conftest import Course
from tests.serving.lti.test_refused_launches import code

OWN = {"Origin": TOOL.url, "Sec-Fetch-Site": "same-origin"}


class Invited:
    """A platform that the administrator of this service invited, without a registration yet."""

    def __init__(self, course: Course) -> None:
        self.course, self.fake = course, course.fake
        for each in self.registered:
            Platforms(course.store).remove(each.id)
        self.token = RegistrationLinks(course.store, "test").create()
        self.fake.registration_tokens = {"bearer"}
        self.client = LtiBrowser(course).client

    def open(self, **changes: str) -> httpx.Response:
        url = f"{self.fake.url}/.well-known/openid-configuration"
        given = {"token": self.token, "openid_configuration": url, "registration_token": "bearer"}
        return self.client.get("/lti/register", params={**given, **changes})

    def confirm(self, page: httpx.Response, **headers: str) -> httpx.Response:
        [(action, fields)] = Forms(page.text).found
        assert action == "register"
        return self.client.post("/lti/register", data=fields, headers=headers or OWN)

    @property
    def registered(self) -> list[Any]:
        return Platforms(self.course.store).all()


@pytest.fixture
def invited(course: Course) -> Invited:
    return Invited(course)


def test_a_platform_registers_itself_once(invited: Invited) -> None:
    page = invited.open()
    assert invited.registered == [] and invited.fake.url in page.text
    done = invited.confirm(page)
    [made] = invited.registered
    assert done.status_code == 200 and made.id in done.text
    assert (made.issuer, made.client_id, made.deployments) == (invited.fake.issuer, CLIENT, (DEPLOYMENT,))
    sent = invited.fake.registrations[-1]
    assert sent["initiate_login_uri"] == TOOL.login_url and sent["jwks_uri"] == TOOL.keys_url
    invited.fake.registration_tokens = {"bearer"}
    assert code(invited.confirm(page)) == "lti-registration-token"


def test_only_the_page_of_the_tool_confirms(invited: Invited) -> None:
    page = invited.open()
    for headers in ({"Origin": invited.fake.url}, {"Sec-Fetch-Site": "cross-site"}, {"X": "none"}):
        assert code(invited.confirm(page, **headers)) == "lti-other-browser"
    assert invited.registered == []


@pytest.mark.parametrize("token", ["", "x"])
def test_without_a_valid_link_nothing_is_fetched(invited: Invited, token: str) -> None:
    before = sum(invited.fake.counts.values())
    page = invited.open(token=token)
    assert code(page if not token else invited.confirm(page)) == "lti-registration-token"
    assert invited.registered == [] and sum(invited.fake.counts.values()) == before


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "file:///etc/passwd", "//x", "https://[::1]/"])
def test_a_malformed_address_is_refused(invited: Invited, url: str) -> None:
    assert code(invited.open(openid_configuration=url)) == "lti-registration-token"


@pytest.mark.parametrize("url", ["https://169.254.169.254/latest/meta-data", "http://10.0.0.1/"])
def test_a_forbidden_address_is_not_requested_and_the_link_works_again(invited: Invited, url: str) -> None:
    assert code(invited.confirm(invited.open(openid_configuration=url))) == "lti-registration-refused"
    assert invited.confirm(invited.open()).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://canvas.instructure.com"},  # another platform's name
        {"jwks_uri": "http://evil.example/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"registration_endpoint": "https://169.254.169.254/"},
        {"token_endpoint": None},
        {"issuer": 5},
    ],
)
def test_a_platform_speaks_only_for_itself(invited: Invited, change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = invited.fake.configuration()
    monkeypatch.setattr(FakeLti, "configuration", lambda _: {**own, **change})
    assert code(invited.confirm(invited.open())) in ("lti-registration-refused", "lti-registration")
    assert invited.registered == []


@pytest.mark.parametrize("made", [{}, {"client_id": 5}, {"client_id": "c" * 256}, {"client_id": ""}])
def test_an_answer_without_a_client_id_is_refused(invited: Invited, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeLti, "register", lambda *_: made)
    assert code(invited.confirm(invited.open())) in ("lti-registration-refused", "lti-registration")
    assert invited.registered == []


def test_a_platform_that_refuses_is_reported(invited: Invited) -> None:
    invited.fake.registration_tokens = set()
    assert code(invited.confirm(invited.open())) == "lti-registration-refused"
