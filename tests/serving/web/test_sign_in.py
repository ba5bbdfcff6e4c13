"""Access to the pages: keys, one-time links, sessions, roles, and forms that another site sent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from labs_schema.errors import GraderError
from serving.store.access.roles import Role
from serving.store.access.session_key import session_key_file
from serving.store.store import Store, open_store
from serving.web.form_posts import PageRoute
from serving.web.sessions import COOKIE
from serving.web.visitors import Visits
from tests.harness.browser.pages import COURSE, Visitor, pages_app, visitor


class Clock:
    """The store's time, which a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 29, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyed(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """A store with an admin's key, so that the service requires keys."""
    store = open_store(f"sqlite:///{tmp_path}/store.db", clock)
    store.create_key("admin", Role.ADMIN, None, actor="test")
    yield store
    store.close()


def key(store: Store, role: str = "ta", course: str | None = COURSE) -> tuple[str, str]:
    """Token and id of a new key."""
    token, created = store.create_key(role, Role(role), course, actor="test")
    return token, created.id


def code(page: Any) -> str:
    return str(page.text.partition("Code: <code>")[2].partition("<")[0])


def test_every_page_but_sign_in_requires_a_visitor(keyed: Store) -> None:
    pages = next(each.app for each in pages_app(keyed).routes if each.path == "/app")
    routes = [each for each in pages.routes if isinstance(each, APIRoute)]
    assert all(isinstance(each, PageRoute) for each in routes)
    opened = {each.path for each in routes if not any(isinstance(d.call, Visits) for d in each.dependant.dependencies)}
    assert opened == {"/sign-in", "/sign-out", "/feedback", "/feedback/requests"}  # the last two need a student's link


def test_an_anonymous_visitor_signs_in_and_reaches_the_page(keyed: Store) -> None:
    token, _ = key(keyed)
    browser = Visitor(pages_app(keyed))
    page = browser.open("?from=mail")
    assert page.url.path == "/app/sign-in" and COURSE not in page.text
    page = browser.submit("sign-in", key=token)
    assert (str(page.url), page.status_code) == ("http://localhost/app/?from=mail", 200) and COURSE in page.text


def test_a_wrong_key_signs_no_one_in(keyed: Store) -> None:
    browser = Visitor(pages_app(keyed))
    browser.open("sign-in")
    page = browser.submit("sign-in", key="grader_wrong")
    assert page.status_code == 401 and "grader_wrong" not in page.text
    assert browser.open("").url.path == "/app/sign-in"


def test_a_platform_key_cannot_sign_in(keyed: Store) -> None:
    browser = Visitor(pages_app(keyed))
    browser.open("sign-in")
    assert code(browser.submit("sign-in", key=key(keyed, "platform")[0])) == "insufficient-role"


def test_a_session_ends_with_its_key_with_sign_out_and_with_time(keyed: Store) -> None:
    app = pages_app(keyed)
    for end in ("revoke", "sign-out"):
        token, key_id = key(keyed)
        browser = Visitor(app).sign_in(token)
        before = browser.client.cookies[COOKIE]
        if end == "revoke":
            keyed.revoke_key(key_id, actor="test")
        else:
            browser.submit("sign-out")
            assert browser.client.cookies[COOKIE] != before
        assert browser.open("").url.path == "/app/sign-in"
    expired = Visitor(pages_app(keyed, lifetime=timedelta(seconds=-1)))
    expired.client.cookies = visitor(app, keyed).client.cookies
    assert expired.open("").url.path == "/app/sign-in"


@pytest.mark.parametrize("change", ["flipped", "other key", "unsigned"])
def test_a_forged_cookie_is_no_session(keyed: Store, change: str) -> None:
    browser = visitor(pages_app(keyed), keyed, "admin")
    value = browser.client.cookies[COOKIE]
    forged = {
        "flipped": value[:-2] + ("A" if value[-2] != "A" else "B") + value[-1],  # the last one has unused bits
        "other key": Visitor(pages_app(keyed)).open("").request.headers.get("cookie", "x"),
        "unsigned": value.split(".")[0],
    }[change]
    browser.client.cookies.clear()
    browser.client.cookies.set(COOKIE, forged)
    assert browser.open("").url.path == "/app/sign-in"


def test_the_cookie_is_for_the_pages_only_and_not_for_scripts(keyed: Store) -> None:
    app = pages_app(keyed)
    for url, secure in (("http://localhost", False), ("https://localhost", True)):
        cookie = Visitor(app, url).open("sign-in").headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Lax", "Path=/app"} <= set(cookie.split("; "))
        assert ("Secure" in cookie.split("; ")) is secure
    assert "set-cookie" not in Visitor(app).client.get("/app/static/page.css").headers


def test_a_link_signs_in_once_by_its_button_only(keyed: Store) -> None:
    link = keyed.create_link(key(keyed)[1], timedelta(minutes=30), actor="test")
    app = pages_app(keyed)
    for _ in range(2):  # mail programs open links
        Visitor(app).open(f"sign-in?link={link}")
    first, second = Visitor(app), Visitor(app)
    for browser in (first, second):
        browser.open(f"sign-in?link={link}")
    assert first.submit("sign-in").url.path == "/app/"
    assert code(second.submit("sign-in")) == "link-unusable"
    assert [each.code for each in keyed.verify().faults] == []


@pytest.mark.parametrize("why", ["expired", "revoked", "unknown"])
def test_an_unusable_link_signs_no_one_in(keyed: Store, clock: Clock, why: str) -> None:
    _, key_id = key(keyed)
    link = keyed.create_link(key_id, timedelta(minutes=30), actor="test")
    if why == "expired":
        clock.now += timedelta(minutes=30)
    elif why == "revoked":
        keyed.revoke_key(key_id, actor="test")
    browser = Visitor(pages_app(keyed))
    browser.open(f"sign-in?link={link if why != 'unknown' else 'x'}")
    assert code(browser.submit("sign-in")) == "link-unusable"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/app/",
        "//evil.example/app/",
        "/\\evil.example",
        "/app//evil.example",
        "/jobs",
        "http://[",
        "",
    ],
)
def test_sign_in_leads_to_no_other_site(keyed: Store, target: str) -> None:
    browser = Visitor(pages_app(keyed))
    browser.open("sign-in")
    page = browser.submit("sign-in", key=key(keyed)[0], next=target)
    assert str(page.url) == "http://localhost/app/"


@pytest.mark.parametrize(
    ("headers", "form", "expected"),
    [
        ({"Origin": "https://evil.example"}, {}, "cross-site-request"),
        ({"Origin": "null"}, {}, "cross-site-request"),
        ({"Sec-Fetch-Site": "cross-site"}, {}, "cross-site-request"),
        ({"Sec-Fetch-Site": "same-site"}, {}, "cross-site-request"),
        ({}, {"csrf": "forged"}, "csrf-token-invalid"),
        ({}, {"csrf": "ä"}, "csrf-token-invalid"),
    ],
)
def test_a_form_of_another_site_is_refused(keyed: Store, headers: dict[str, str], form: Any, expected: str) -> None:
    browser = visitor(pages_app(keyed), keyed)
    page = browser.client.post("/app/sign-out", data=form, headers=headers)
    assert code(page) == expected and page.status_code == 403
    assert browser.open("").url.path == "/app/"


def test_the_token_of_another_visitor_is_refused(keyed: Store) -> None:
    app = pages_app(keyed)
    browser, other = visitor(app, keyed), visitor(app, keyed)
    other.page = browser.page
    assert code(other.submit("sign-out")) == "csrf-token-invalid"


def test_text_of_a_refused_form_is_shown_again(keyed: Store) -> None:
    browser = Visitor(pages_app(keyed))
    page = browser.client.post("/app/sign-out", data={"comment": "line 3 <b>overflows</b>"})
    assert "line 3 &lt;b&gt;overflows&lt;/b&gt;" in page.text


def test_a_course_key_sees_its_course_only(keyed: Store) -> None:
    app = pages_app(keyed)
    assert COURSE in visitor(app, keyed, "ta", COURSE).open("").text
    assert COURSE in visitor(app, keyed, "ta", None).open("").text
    assert COURSE not in visitor(app, keyed, "ta", "cs999").open("").text


def test_without_keys_local_visitors_need_no_sign_in(store: Store) -> None:
    browser = Visitor(pages_app(store))
    assert COURSE in browser.open("").text and browser.open("sign-in").url.path == "/app/"
    assert browser.client.get("/app/", headers={"Host": "evil.example"}).status_code == 403


def test_every_page_has_the_policy_and_is_not_cached(keyed: Store) -> None:
    browser = visitor(pages_app(keyed), keyed)
    for path in ("", "sign-in", "no-such-page"):
        headers = browser.open(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
        assert headers["referrer-policy"] == "same-origin"


def test_the_root_leads_to_the_pages(keyed: Store) -> None:
    assert visitor(pages_app(keyed), keyed).client.get("/").url.path == "/app/"


def test_the_session_key_is_created_once_and_private(
    keyed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data" / "session.key"
    monkeypatch.setenv("GRADER_SESSION_KEY", str(path))
    file = session_key_file(keyed.database)
    first = file.read()
    assert file.read() == first and len(first) == 32 and path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"short")
    with pytest.raises(GraderError) as caught:
        file.read()
    assert caught.value.code == "bad-session-key"
