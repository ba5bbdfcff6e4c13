"""Every launch that breaks a rule is refused with its reason: the certification cases of 1EdTech, and attacks.

LTI Advantage conformance certification guide 1.3, sections 6.1.1 and 6.1.2.
"""

import re
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from labs_schema.errors import issue_texts
from labs_schema.limits import LtiLimits
from serving.lti.platforms.platforms import Platforms
from serving.web.sessions import COOKIE
from tests.harness.lti.browser import TEACHER, TOOL, LtiBrowser
from tests.harness.lti.fake_lti import CLAIM, CLIENT, DEEP, DROP, INSTRUCTOR, LEARNER, Launch
from tests.harness.lti.tokens import private_key, public_jwk, signed
from tests.serving.lti.conftest import Course

LIMITS = LtiLimits()
MISSING, INVALID = "lti-claim-missing", "lti-claim-invalid"
HOUR = 3600


def code(page: httpx.Response) -> str:
    """The code of a refusal, which is a page without a session."""
    assert page.status_code >= 400, page.text
    assert COOKIE not in "".join(page.headers.get_list("set-cookie"))
    [found] = re.findall(r"Code: <code>([a-z-]+)</code>", page.text)
    assert issue_texts()[found]["meaning"] in page.text.replace("&#39;", "'")
    return str(found)


def now(seconds: float) -> int:
    return int(time.time() + seconds)


def claim(name: str, value: Any) -> dict[str, Any]:
    return {"claims": {f"{CLAIM}{name}": value}}


def oidc(**claims: Any) -> dict[str, Any]:
    return {"claims": claims}


LTI_CLAIMS = (
    "version", "message_type", "deployment_id", "target_link_uri", "resource_link", "roles", "context", "custom", "lis",
    "tool_platform", "launch_presentation",
)  # fmt: skip
CASES: dict[str, tuple[dict[str, Any], str]] = {
    # The guide's cases.
    "no kid": ({"header": {"kid": DROP}}, "lti-token-key"),
    "unknown kid": ({"header": {"kid": "another"}}, "lti-token-key"),
    "wrong version": (claim("version", "1.2.0"), "lti-version"),
    "no version": (claim("version", DROP), "lti-version"),
    "no LTI claims": ({"claims": {f"{CLAIM}{name}": DROP for name in LTI_CLAIMS}}, "lti-version"),
    "no LTI message": (claim("message_type", "OtherRequest"), "lti-message-type"),
    "no message_type": (claim("message_type", DROP), "lti-message-type"),
    "exp in the past": (oidc(iat=now(-HOUR), exp=now(-HOUR / 2)), "lti-token-expired"),
    "iat in the future": (oidc(iat=now(HOUR), exp=now(2 * HOUR)), "lti-token-early"),
    "no roles": (claim("roles", DROP), MISSING),
    "no deployment_id": (claim("deployment_id", DROP), MISSING),
    "no resource_link": (claim("resource_link", DROP), MISSING),
    "resource_link without id": (claim("resource_link", {"title": "Lab 1"}), MISSING),
    "no target_link_uri": (claim("target_link_uri", DROP), MISSING),
    "no sub": (oidc(sub=DROP), MISSING),
    "no iss": (oidc(iss=DROP), MISSING),
    "no aud": (oidc(aud=DROP), MISSING),
    "no exp": (oidc(exp=DROP), MISSING),
    "no iat": (oidc(iat=DROP), MISSING),
    "no nonce": (oidc(nonce=DROP), MISSING),
    # Signatures.
    "alg none": ({"algorithm": "none"}, "lti-token-algorithm"),
    "alg HS256 with the public key as secret": ({"algorithm": "HS256"}, "lti-token-algorithm"),
    "alg RS512": ({"header": {"alg": "RS512"}}, "lti-token-algorithm"),
    "alg in lower case": ({"header": {"alg": "rs256"}}, "lti-token-algorithm"),
    "alg missing": ({"header": {"alg": DROP}}, "lti-token-algorithm"),
    "signed with an unpublished key":
        ({"key": "platform-key-9", "header": {"kid": "platform-key-1"}}, "lti-token-signature"),
    "kid is a list": ({"header": {"kid": ["platform-key-1"]}}, "lti-token-malformed"),
    "kid is empty": ({"header": {"kid": ""}}, "lti-token-key"),
    "kid with a path": ({"header": {"kid": "../../dev/null"}}, "lti-token-key"),
    "key in the header":
        ({"header": {"kid": "x", "jwk": public_jwk("x"), "jku": "https://evil.example"}, "key": "x"}, "lti-token-key"),
    "critical extension": ({"header": {"crit": ["exp"], "exp": 1}}, "lti-token-malformed"),
    # Identity of the platform and the tool.
    "iss with a slash": (oidc(iss="{issuer}/"), "lti-issuer"),
    "iss in capitals": (oidc(iss="HTTP://127.0.0.1"), "lti-issuer"),
    "iss is a list": (oidc(iss=["{issuer}"]), "lti-issuer"),
    "aud of another tool": (oidc(aud="another"), "lti-audience"),
    "aud list without the tool": (oidc(aud=["another", "third"], azp="another"), "lti-audience"),
    "aud list with another azp": (oidc(aud=[CLIENT, "another"], azp="another"), "lti-audience"),
    "aud list without azp": (oidc(aud=[CLIENT, "another"]), "lti-audience"),
    "one aud with another azp": (oidc(azp="another"), "lti-audience"),
    "aud is empty": (oidc(aud=[]), MISSING),
    "aud is a prefix": (oidc(aud=CLIENT[:-1]), "lti-audience"),
    "deployment of another school": (claim("deployment_id", "8"), "lti-deployment"),
    "deployment is a number": (claim("deployment_id", 7), INVALID),
    "deployment too long": (claim("deployment_id", "7" * 256), INVALID),
    # Times.
    "nbf in the future": (oidc(nbf=now(HOUR)), "lti-token-early"),
    "exp is text": (oidc(exp="tomorrow"), "lti-token-malformed"),
    "exp is infinite": (oidc(exp=float("inf")), "lti-token-malformed"),
    "exp is zero": (oidc(exp=0), "lti-token-expired"),
    "iat is null": (oidc(iat=None), MISSING),
    # Values.
    "nonce of another login": (oidc(nonce="n" * 43), "lti-nonce"),
    "nonce is a number": (oidc(nonce=1), "lti-nonce"),
    "target of another site": (claim("target_link_uri", "https://evil.example/lti/launch"), "lti-target"),
    "target with our address as user": (claim("target_link_uri", f"{TOOL.url}@evil.example/lti/launch"), "lti-target"),
    "target with our address as prefix": (claim("target_link_uri", f"{TOOL.launch_url}.evil.example"), "lti-target"),
    "roles is text": (claim("roles", INSTRUCTOR), INVALID),
    "roles with a number": (claim("roles", [1]), INVALID),
    "10,000 roles": (claim("roles", [LEARNER] * 10_000), "lti-token-malformed"),
    "sub is empty": (oidc(sub=""), INVALID),
    "sub is a number": (oidc(sub=5), "lti-token-malformed"),
    "sub too long": (oidc(sub="s" * 256), INVALID),
    "resource_link is text": (claim("resource_link", "link-3"), INVALID),
    "resource_link id is empty": (claim("resource_link", {"id": ""}), INVALID),
    "context without id": (claim("context", {"title": "x"}), MISSING),
    "version is a list": (claim("version", ["1.3.0"]), "lti-version"),
    "message_type is an object": (claim("message_type", {"a": 1}), "lti-message-type"),
    "deep linking without settings":
        ({"message": "LtiDeepLinkingRequest", "claims": {f"{DEEP}deep_linking_settings": DROP}}, MISSING),
    "deep linking by a student": ({"message": "LtiDeepLinkingRequest", **claim("roles", [LEARNER])}, "lti-role"),
    "review without for_user": ({"message": "LtiSubmissionReviewRequest", **claim("for_user", DROP)}, MISSING),
    "data privacy launch": (claim("message_type", "LtiDataPrivacyLaunchRequest"), "lti-message-type"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_bad_launch_is_refused_with_its_reason(course: Course, case: str) -> None:
    changes, expected = CASES[case]
    changes = {name: _filled(value, course.fake.issuer) for name, value in changes.items()}
    assert code(LtiBrowser(course).launch(**changes)) == expected


def test_an_issuer_without_the_slash_of_its_registration_is_refused(own_course: Course) -> None:
    own_course.register(issuer=f"{own_course.fake.issuer}/")
    Platforms(own_course.store).remove(own_course.platform.id)
    browser = LtiBrowser(own_course)
    given = own_course.fake.initiate(Launch(TEACHER, TOOL.launch_url))
    assert code(browser.client.get("/lti/login", params=given, follow_redirects=False)) == "lti-unknown-platform"
    form = browser.start(Launch(TEACHER, TOOL.launch_url), iss=f"{own_course.fake.issuer}/")
    assert code(browser.finish(form)) == "lti-issuer"


def _filled(value: Any, issuer: str) -> Any:
    if isinstance(value, str):
        return value.replace("{issuer}", issuer)
    if isinstance(value, dict):
        return {name: _filled(each, issuer) for name, each in value.items()}
    return [_filled(each, issuer) for each in value] if isinstance(value, list) and len(value) < 9 else value


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"iss": None}, "lti-login"),
        ({"login_hint": None}, "lti-login"),
        ({"target_link_uri": None}, "lti-login"),
        ({"login_hint": "h" * (LIMITS.text_chars + 1)}, "lti-login"),
        ({"target_link_uri": "https://evil.example/"}, "lti-target"),
        ({"target_link_uri": "//evil.example/lti/launch"}, "lti-target"),
        ({"target_link_uri": f"{TOOL.url}/app/"}, "lti-target"),
        ({"iss": "https://evil.example"}, "lti-unknown-platform"),
        ({"client_id": "another"}, "lti-unknown-platform"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_bad_login_is_refused_with_its_reason(course: Course, change: Any, expected: str, method: str) -> None:
    given = {**course.fake.initiate(Launch(TEACHER, TOOL.launch_url)), **change}
    query = {name: value for name, value in given.items() if value is not None}
    sent = {"params": query} if method == "GET" else {"data": query}
    assert code(LtiBrowser(course).client.request(method, "/lti/login", follow_redirects=False, **sent)) == expected


def test_the_platforms_error_is_shown_without_its_text(course: Course) -> None:
    browser = LtiBrowser(course)
    form = browser.start(Launch(TEACHER, TOOL.launch_url))
    page = browser.finish({"error": "login_required", "error_description": "<b>Ada</b>", "state": form["state"]})
    assert code(page) == "lti-platform-error" and "Ada" not in page.text


@pytest.mark.parametrize("state", ["", "x", "changed", "of another service", "expired"])
def test_a_launch_without_a_login_is_refused(course: Course, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = LtiBrowser(course)
    form = browser.start(Launch(TEACHER, TOOL.launch_url))
    if state == "expired":
        late = time.time() + 60 * LIMITS.login_minutes + 2
        monkeypatch.setattr("itsdangerous.timed.time.time", lambda: late)
    elif state == "changed":
        form["state"] = ("A" if form["state"][0] != "A" else "B") + form["state"][1:]
    elif state == "of another service":
        form["state"] = form["state"].rsplit(".", 1)[0] + "." + "A" * 27
    else:
        form["state"] = state
    assert code(browser.finish(form)) == "lti-state"


def test_a_login_of_another_browser_is_refused(course: Course) -> None:
    """Login CSRF: an attacker lets the victim's browser post the attacker's own launch."""
    attacker, victim = LtiBrowser(course), LtiBrowser(course)
    form = attacker.start(Launch(TEACHER, TOOL.launch_url))
    victim.start(Launch("u0", TOOL.launch_url))
    assert code(victim.finish(form)) == "lti-other-browser"
    assert attacker.finish(form).status_code == 200


def test_a_secret_in_the_form_counts_only_from_the_tools_own_page(course: Course) -> None:
    """Without cookies the tool's page gets the secret from the platform. An attacker knows that of their own login."""
    attacker, victim = LtiBrowser(course), LtiBrowser(course)
    form = attacker.start(Launch(TEACHER, TOOL.launch_url), lti_storage_target="_parent")
    [secret] = [each.value for each in attacker.client.cookies.jar if each.name.startswith("grader_lti_")]
    given = {**form, "secret": str(secret)}
    assert code(victim.finish(given)) == "lti-other-browser"
    assert code(victim.finish(given, Origin="null")) == "lti-other-browser"
    bare = victim.client.post("/lti/launch", data=given)
    assert code(bare) == "lti-other-browser"
    own = {"Origin": TOOL.url, "Sec-Fetch-Site": "same-origin"}
    assert code(victim.finish({**given, "secret": "none"}, **own)) == "lti-other-browser"
    assert victim.finish(given, **own).status_code == 200
    no_storage = attacker.start(Launch(TEACHER, TOOL.launch_url))
    secrets = [each.value for each in attacker.client.cookies.jar if each.name.startswith("grader_lti_")]
    for each in secrets:
        assert code(victim.finish({**no_storage, "secret": str(each)}, **own)) == "lti-other-browser"


def test_a_launch_counts_once_in_all_processes_of_the_service(course: Course) -> None:
    browser = LtiBrowser(course)
    form = browser.start(Launch(TEACHER, TOOL.launch_url))
    cookies = dict(browser.client.cookies)
    assert browser.finish(form).status_code == 200
    for app in (course.app, course.new_app()):
        again = LtiBrowser(course, app=app)
        again.client.cookies.update(cookies)
        assert code(again.finish(form)) == "lti-replayed"


def test_a_token_of_one_login_is_no_answer_to_another(course: Course) -> None:
    browser = LtiBrowser(course)
    first = browser.start(Launch(TEACHER, TOOL.launch_url))
    second = browser.start(Launch("u0", TOOL.launch_url))
    assert code(browser.finish({**second, "id_token": first["id_token"]})) == "lti-nonce"
    assert browser.finish(first).status_code == 200  # a refusal uses no nonce up


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "W10.e30.", "." * 50, "ä.ä.ä", "e30." + "A" * 200_000 + ".e30"])
def test_a_token_that_cannot_be_read_is_refused(course: Course, token: str) -> None:
    browser = LtiBrowser(course)
    form = browser.start(Launch(TEACHER, TOOL.launch_url))
    assert code(browser.finish({**form, "id_token": token})) == "lti-token-malformed"


def test_a_token_of_10_mb_is_refused_before_it_is_read(course: Course) -> None:
    browser = LtiBrowser(course)
    form = browser.start(Launch(TEACHER, TOOL.launch_url))
    assert browser.finish({**form, "id_token": "A" * 10_000_000}).status_code in (400, 413)


def test_a_deeply_nested_token_is_refused(course: Course) -> None:
    browser = LtiBrowser(course)
    form = browser.start(Launch(TEACHER, TOOL.launch_url))
    nested: Any = {}
    for _ in range(900):
        nested = {"a": nested}
    header = {"alg": "RS256", "kid": "platform-key-1", "typ": "JWT"}
    token = signed(header, {"x": nested}, private_key("platform-key-1"), "RS256")
    assert code(browser.finish({**form, "id_token": token})) in (MISSING, "lti-token-malformed")


def test_a_removed_platform_and_a_removed_deployment_are_refused(own_course: Course) -> None:
    browser = LtiBrowser(own_course)
    started = [browser.start(Launch(TEACHER, TOOL.launch_url)) for _ in range(2)]
    own_course.register(deployments=("another",))
    assert code(browser.finish(started[0])) == "lti-deployment"
    Platforms(own_course.store).remove(own_course.platform.id)
    assert code(browser.finish(started[1])) == "lti-unknown-platform"


def test_without_api_keys_every_launch_is_refused(own_course: Course) -> None:
    browser = LtiBrowser(own_course)
    form = browser.start(Launch(TEACHER, TOOL.launch_url))
    service = browser.client.app.state.service  # type: ignore[attr-defined]
    lti = next(each.app for each in browser.client.app.routes if getattr(each, "path", "") == "/lti")  # type: ignore[attr-defined]
    lti.state.lti.service = replace(service, keyed=False)
    assert code(browser.finish(form)) == "lti-without-keys"


def test_a_refusal_is_logged_with_its_detail_and_without_names(
    course: Course, caplog: pytest.LogCaptureFixture
) -> None:
    page = LtiBrowser(course).launch(**claim("version", "1.2.0"))
    assert "1.2.0" not in page.text
    logged = "\n".join(each.getMessage() for each in caplog.records if "lti-version" in each.getMessage())
    assert "1.2.0" in logged and "Ada" not in caplog.text and TEACHER not in caplog.text


def test_the_launch_address_without_a_launch_is_refused(course: Course) -> None:
    assert code(LtiBrowser(course).client.get("/lti/launch")) == "lti-login"
