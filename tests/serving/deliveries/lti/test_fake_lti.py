"""The fake platform is as strict as a real one: what it refuses, and that a correct tool passes."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest

from tests.harness.lti.fake_lti import (
    ASSERTION,
    CLAIM,
    CLIENT,
    DEEP,
    DEPLOYMENT,
    DROP,
    TOOL_CONFIGURATION,
    FakeLti,
    Launch,
    RefusedError,
)
from tests.harness.lti.fake_lti_services import AGS, CANVAS, SCORE_TYPE
from tests.harness.lti.tokens import private_key, public_jwk

TARGET = "https://tool.example/lti/launch"


@pytest.fixture(params=["moodle", "canvas"])
def platform(request: pytest.FixtureRequest) -> Iterator[FakeLti]:
    fake = FakeLti(request.param, (TARGET,))
    fake.enrol(3)
    fake.tool_keys = {"keys": [public_jwk("tool-1")]}
    yield fake
    fake.close()


def query(platform: FakeLti, launch: Launch, **changes: str) -> dict[str, str]:
    started = platform.initiate(launch)
    fixed = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
    hints = {name: started[name] for name in ("login_hint", "lti_message_hint", "client_id")}
    return {**fixed, **hints, "redirect_uri": TARGET, "state": "s", "nonce": "n", **changes}


def assertion(platform: FakeLti, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": platform.token_url, "iat": now, "exp": now + 60, "jti": str(now)}
    return jwt.encode({**claims, **changes}, private_key("tool-1"), "RS256", headers={"kid": "tool-1"})


def token_request(platform: FakeLti, **changes: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "scope": f"{AGS}score"}
    return httpx.post(platform.token_url, data={**form, "client_assertion": assertion(platform), **changes})


def score(user: str = "u0", at: str = "2998-11-29T10:00:00.000001Z", **changes: Any) -> dict[str, Any]:
    progress = {"activityProgress": "Completed", "gradingProgress": "FullyGraded"}
    return {"userId": user, "timestamp": at, "scoreGiven": 2, "scoreMaximum": 3, "comment": "c", **progress, **changes}


def post(platform: FakeLti, **content: Any) -> int:
    token = token_request(platform, client_assertion=assertion(platform, jti=str(time.time_ns()))).json()
    headers = {"Authorization": f"Bearer {token['access_token']}", "Content-Type": SCORE_TYPE}
    url = httpx.URL(platform.line_item_url)
    url = url.copy_with(path=url.path + "/scores")
    return httpx.post(url, json=score(**content), headers=headers).status_code


def test_a_launch_is_signed_with_a_published_key_and_its_hint_works_once(platform: FakeLti) -> None:
    parameters = query(platform, Launch("u0", TARGET))
    page = httpx.get(f"{platform.authorization_url}?{urlencode(parameters)}")
    assert page.status_code == 200 and 'name="id_token"' in page.text
    assert httpx.get(f"{platform.authorization_url}?{urlencode(parameters)}").status_code == 400
    platform.rotate()
    token = platform.id_token(Launch("u0", TARGET), "n")
    keys = jwt.PyJWKSet.from_dict(httpx.get(platform.keys_url).json())
    claims = jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], ["RS256"], audience=CLIENT)
    assert (claims["sub"], claims["nonce"], claims[f"{CLAIM}deployment_id"]) == ("u0", "n", DEPLOYMENT)


@pytest.mark.parametrize("change", [
    {"scope": "openid profile"}, {"response_type": "code"}, {"response_mode": "query"}, {"prompt": "login"},
    {"nonce": ""}, {"state": ""}, {"client_id": "x"}, {"login_hint": "u1"}, {"redirect_uri": TARGET + "/"},
])  # fmt: skip
def test_a_wrong_authorization_request_is_refused(platform: FakeLti, change: dict[str, str]) -> None:
    with pytest.raises(RefusedError):
        platform.authorize(query(platform, Launch("u0", TARGET), **change))


@pytest.mark.parametrize("launch", [
    Launch("u0", TARGET, header={"kid": DROP}), Launch("u0", TARGET, algorithm="none"),
    Launch("u0", TARGET, algorithm="HS256"), Launch("u0", TARGET, key="unpublished"),
    Launch("u0", TARGET, claims={"exp": 1}), Launch("u0", TARGET, claims={"aud": DROP}),
])  # fmt: skip
def test_bad_launches_are_bad(platform: FakeLti, launch: Launch) -> None:
    token = platform.id_token(launch, "n")
    keys = {each["kid"]: jwt.PyJWK(each) for each in httpx.get(platform.keys_url).json()["keys"]}
    with pytest.raises((jwt.PyJWTError, KeyError)):
        kid = jwt.get_unverified_header(token)["kid"]
        jwt.decode(token, keys[kid], ["RS256"], audience=CLIENT)


@pytest.mark.parametrize("changes", [
    {"aud": "https://other.example"}, {"iss": "x"}, {"sub": "x"}, {"exp": 1}, {"exp": 9_999_999_999}, {"jti": None},
])  # fmt: skip
def test_a_wrong_client_assertion_is_refused(platform: FakeLti, changes: dict[str, Any]) -> None:
    response = token_request(platform, client_assertion=assertion(platform, **changes))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client")


def test_an_assertion_works_once_and_grants_known_scopes_only(platform: FakeLti) -> None:
    given = assertion(platform)
    assert token_request(platform, client_assertion=given).json()["scope"] == f"{AGS}score"
    assert token_request(platform, client_assertion=given).status_code == 400
    other = assertion(platform, jti="other")
    assert token_request(platform, client_assertion=other, scope="x").json()["error"] == "invalid_scope"


def test_timestamps_must_increase(platform: FakeLti) -> None:
    moodle = platform.flavour == "moodle"
    assert post(platform) == 200
    assert post(platform, at="2998-11-29T10:00:00.900000Z") == (409 if moodle else 200)
    assert post(platform, at="2998-11-29T09:00:00.0Z") == (409 if moodle else 400)
    assert post(platform, at="2999-11-29T10:00:01.0+00:00", gradingProgress="Pending") == 200
    assert platform.scores() == {"s000": None}


@pytest.mark.parametrize("change", [
    {"at": "2026-11-29T10:00:00Z"}, {"at": "2026-11-29T10:00:00.1"}, {"scoreMaximum": None}, {"user": "u9"},
    {"scoreGiven": -1}, {"gradingProgress": "Done"}, {"scoringUserId": ""},
])  # fmt: skip
def test_a_wrong_score_is_refused(platform: FakeLti, change: dict[str, Any]) -> None:
    assert post(platform, **change) == (400 if platform.flavour == "moodle" else 422)


def test_canvas_makes_an_attempt_of_each_score_by_default() -> None:
    canvas = FakeLti("canvas")
    canvas.enrol(1)
    canvas.tool_keys = {"keys": [public_jwk("tool-1")]}
    post(canvas)
    post(canvas, at="2998-11-29T11:00:00.0Z", **{CANVAS: {"new_submission": False}})
    assert (canvas.results["1"]["u0"].attempts, canvas.results["1"]["u0"].comments) == (1, ["c", "c"])
    canvas.close()


def test_a_deep_linking_response_is_checked(platform: FakeLti) -> None:
    claims = {f"{CLAIM}deployment_id": DEPLOYMENT, f"{CLAIM}message_type": "LtiDeepLinkingResponse",
              f"{CLAIM}version": "1.3.0", f"{DEEP}data": "echo", "nonce": "n1",
              f"{DEEP}content_items": [{"type": "ltiResourceLink", "url": TARGET}]}  # fmt: skip
    right = {"JWT": assertion(platform, aud=platform.issuer, **claims)}
    assert [httpx.post(platform.deep_link_url, data=right).status_code for _ in range(2)] == [200, 400]
    wrong = {"JWT": assertion(platform, aud=platform.issuer, **{**claims, f"{DEEP}data": "x", "nonce": "n2"})}
    assert httpx.post(platform.deep_link_url, data=wrong).status_code == 400
    assert [each["url"] for each in platform.deep_links] == [TARGET]


def test_registration_needs_a_token_and_every_required_field(platform: FakeLti) -> None:
    found = httpx.get(f"{platform.url}/.well-known/openid-configuration").json()
    tool = {"domain": "tool.example", "target_link_uri": TARGET, "claims": ["sub"]}
    given = {
        "application_type": "web", "response_types": ["id_token"], "grant_types": ["client_credentials", "implicit"],
        "initiate_login_uri": "https://tool.example/lti/login", "redirect_uris": [TARGET], "client_name": "grader",
        "jwks_uri": "https://tool.example/keys", "token_endpoint_auth_method": "private_key_jwt",
        "scope": f"{AGS}score", TOOL_CONFIGURATION: tool,
    }  # fmt: skip
    platform.registration_tokens.add("once")
    bearer = {"Authorization": "Bearer once"}
    endpoint = found["registration_endpoint"]
    assert httpx.post(endpoint, json=given).status_code == 401
    assert httpx.post(endpoint, json={**given, "jwks_uri": ""}, headers=bearer).status_code == 400
    answer = httpx.post(endpoint, json=given, headers=bearer).json()
    assert (answer["client_id"], answer[TOOL_CONFIGURATION]["deployment_id"]) == (CLIENT, DEPLOYMENT)
    assert httpx.post(endpoint, json=given, headers=bearer).status_code == 401
