"""A strict LTI 1.3 platform over HTTP: login, launches good and bad, keys, tokens, deep linking, registration.

Its services are in `fake_lti_services`. Faults of the network are injected request by request.
"""

import html
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import jwt

from tests.harness.lti.fake_lti_services import Answer, RefusedError, Request, Services
from tests.harness.lti.tokens import private_key, public_jwk, signed
from tests.harness.platforms.quiet_server import QuietServer, read_body

CLAIM, DEEP = "https://purl.imsglobal.org/spec/lti/claim/", "https://purl.imsglobal.org/spec/lti-dl/claim/"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
LEARNER, INSTRUCTOR = f"{MEMBERSHIP}#Learner", f"{MEMBERSHIP}#Instructor"
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLIENT, DEPLOYMENT, CONTEXT, LINK = "tool-client-1", "7", "course-2", "link-3"
LATE = 5
"""Requests that overtake a late one."""
DROP = object()
"""As the value of a claim or header of a launch: leaves it out."""
Json = dict[str, Any]


@dataclass
class Launch:
    """A launch in progress. `claims` and `header` replace those of the id_token; `key` signs it.

    `algorithm`: `RS256`, `none`, or `HS256` with the public key as its secret. `key`: another kid's; empty: the newest.
    """

    user: str
    target: str
    message: str = "LtiResourceLinkRequest"
    claims: Json = field(default_factory=dict)
    header: Json = field(default_factory=dict)
    algorithm: Literal["RS256", "none", "HS256"] = "RS256"
    key: str = ""


class FakeLti(Services):
    """`flavour`: whose rules the grade services have. `tool_keys` is the tool's key set, or a function that fetches it.

    `faults(method, count)` names the fault of a request, `count` among those with this method: `drop` closes the
    connection before, `lose` after it is processed, `late` processes it after the next requests, `half` stores a score
    without its comment, `twice` processes it two times, `500` and `429` answer with that status.
    """

    def __init__(self, flavour: Literal["moodle", "canvas"] = "moodle", redirect_uris: tuple[str, ...] = ()) -> None:
        super().__init__(flavour)
        self.redirect_uris, self.tool_keys = redirect_uris, dict[str, Any](keys=[])  # type: Any, Any
        self.kids, self.published = ["platform-key-1"], ["platform-key-1"]
        self.launches: dict[str, Launch] = {}
        self.used: set[str] = set()
        self.deep_links: list[Json] = []
        self.registration_tokens: set[str] = set()
        self.registrations: list[Json] = []
        self.faults: Callable[[str, int], str | None] = lambda *_: None
        self.counts: Counter[str] = Counter()
        self.late: list[tuple[int, Request]] = []
        self._server = QuietServer(_handler(self))
        self.url = self.issuer = self._server.url
        self.authorization_url, self.token_url = f"{self.url}/auth", f"{self.url}/token"
        self.keys_url, self.deep_link_url = f"{self.url}/keys", f"{self.url}/deep-link?course=2"

    @property
    def addresses(self) -> dict[str, str]:
        names = ("url", "token_url", "line_item_url", "memberships_url")
        return {name: getattr(self, name) for name in names}

    def close(self) -> None:
        self._server.close()

    def rotate(self, *, retire: bool = False) -> None:
        """The next tokens are signed with a new key; `retire` unpublishes the earlier ones."""
        self.kids.append(f"platform-key-{len(self.kids) + 1}")
        self.published = self.kids[-1:] if retire else self.kids[:]

    def process_late(self, requests: int = 1) -> None:
        """Counts `requests` and processes what they have overtaken."""
        due = [each for left, each in self.late if left <= requests]
        self.late = [(left - requests, each) for left, each in self.late if left > requests]
        for each in due:
            _safe(self, each)

    # Launches

    def initiate(self, launch: Launch) -> dict[str, str]:
        """The parameters of the login initiation, which the browser takes to the tool."""
        hint = token_hex(8)
        self.launches[hint] = launch
        named = {"iss": self.issuer, "login_hint": launch.user, "target_link_uri": launch.target}
        return {**named, "lti_message_hint": hint, "client_id": CLIENT, "lti_deployment_id": DEPLOYMENT}

    def authorize(self, query: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """The redirect URI and the form that the browser posts to it. Raises RefusedError."""
        required = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post", "prompt": "none"}
        if query.get("redirect_uri") not in self.redirect_uris:  # nothing may be posted to it
            raise RefusedError(400, "invalid_request: redirect_uri")
        wrong = [name for name, value in required.items() if query.get(name) != value]
        wrong += [name for name in ("state", "nonce") if not query.get(name)]
        wrong += ["client_id"] if query.get("client_id") != CLIENT else []
        launch = self.launches.pop(query.get("lti_message_hint", ""), None)
        if launch is None or query.get("login_hint") != launch.user:
            wrong.append("login_hint or lti_message_hint")
        if wrong or launch is None:
            raise RefusedError(400, f"invalid_request: {', '.join(wrong)}")
        return query["redirect_uri"], {"id_token": self.id_token(launch, query["nonce"]), "state": query["state"]}

    def id_token(self, launch: Launch, nonce: str) -> str:
        claims = {**self._claims(launch), "nonce": nonce, **launch.claims}
        kid = launch.key or self.kids[-1]
        header = {"typ": "JWT", "alg": launch.algorithm, "kid": kid, **launch.header}
        return signed(_present(header), _present(claims), private_key(kid), launch.algorithm)

    def _claims(self, launch: Launch) -> Json:
        person, now = self.people[launch.user], int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": launch.user, "iat": now, "exp": now + 300,
            **{name: person[name] for name in ("name", "given_name", "family_name", "email") if name in person},
            f"{CLAIM}message_type": launch.message, f"{CLAIM}version": "1.3.0", f"{CLAIM}deployment_id": DEPLOYMENT,
            f"{CLAIM}target_link_uri": launch.target, f"{CLAIM}roles": person["roles"],
            f"{CLAIM}context": {"id": CONTEXT, "label": "CS101", "title": "Programming", "type": ["CourseSection"]},
            f"{CLAIM}tool_platform": {"guid": "fake", "product_family_code": self.flavour},
            f"{CLAIM}launch_presentation": {"document_target": "iframe", "return_url": f"{self.url}/return"},
            f"{CLAIM}lis": {"person_sourcedid": person.get("lis_person_sourcedid", "")},
            "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice":
                {"context_memberships_url": self.memberships_url, "service_versions": ["2.0"]},
            "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint":
                {"scope": self.scopes, "lineitems": self.line_items_url, "lineitem": self.line_item_url},
        }  # fmt: skip
        if launch.message == "LtiDeepLinkingRequest":
            return claims | {f"{DEEP}deep_linking_settings": {
                "deep_link_return_url": self.deep_link_url, "accept_types": ["ltiResourceLink"], "data": "echo",
                "accept_presentation_document_targets": ["iframe", "window"], "accept_multiple": False,
            }}  # fmt: skip
        if launch.message == "LtiSubmissionReviewRequest":
            claims[f"{CLAIM}for_user"] = {"user_id": next(iter(self.people))}
        return claims | {f"{CLAIM}resource_link": {"id": LINK, "title": "Lab 1"}}

    # What the tool sends

    def token(self, request: Request) -> Json:
        """OAuth 2 client credentials, RFC 7523 with every claim that the security framework requires."""
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if request.content_type != "application/x-www-form-urlencoded":
            raise RefusedError(400, "invalid_request")
        if form.get("grant_type") != "client_credentials" or form.get("client_assertion_type") != ASSERTION:
            raise RefusedError(400, "unsupported_grant_type")
        try:
            claims = self.verified(form.get("client_assertion", ""), self.token_url, ["iss", "sub", "jti"])
        except RefusedError as error:
            raise RefusedError(400, "invalid_client") from error
        if claims["sub"] != CLIENT:
            raise RefusedError(400, "invalid_client")
        self._once(f"jti {claims['jti']}")
        scopes = sorted({*form.get("scope", "").split()} & {*self.scopes, *self.membership_scopes})
        if not scopes:
            raise RefusedError(400, "invalid_scope")
        token = token_hex(12)
        self.tokens[token] = (time.time() + self.token_seconds, frozenset(scopes))
        lasting = {"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds}
        return lasting | {"scope": " ".join(scopes)}

    def deep_link(self, request: Request) -> Json:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        claims = self.verified(form.get("JWT", ""), self.issuer, ["iss", "nonce"])
        self._once(f"nonce {claims['nonce']}")
        expected = {f"{CLAIM}deployment_id": DEPLOYMENT, f"{CLAIM}message_type": "LtiDeepLinkingResponse",
                    f"{CLAIM}version": "1.3.0", f"{DEEP}data": "echo"}  # fmt: skip
        wrong = [name for name, value in expected.items() if claims.get(name) != value]
        items = claims.get(f"{DEEP}content_items")
        if (
            not isinstance(items, list)
            or len(items) > 1
            or any(each.get("type") != "ltiResourceLink" for each in items)
        ):
            wrong.append("content_items")
        if wrong:
            raise RefusedError(400, ", ".join(wrong))
        self.deep_links += items
        return claims

    def verified(self, token: str, audience: str, required: list[str]) -> Json:
        """The claims of a token of the tool; `iss` is its client id."""
        keys = (self.tool_keys() if callable(self.tool_keys) else self.tool_keys)["keys"]
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next((each for each in keys if each["kid"] == kid), None)
            if key is None or any("d" in each for each in keys):
                raise RefusedError(400, "unknown kid, or a private key is published")
            needed = ["exp", "iat", "aud", *required]
            claims: Json = jwt.decode(
                token, jwt.PyJWK(key), ["RS256"], audience=audience, issuer=CLIENT, options={"require": needed}
            )
        except jwt.PyJWTError as error:
            raise RefusedError(400, str(error)) from error
        if claims["exp"] - claims["iat"] > 3600:
            raise RefusedError(400, "valid for too long")
        return claims

    def _once(self, name: str) -> None:
        if name in self.used:
            raise RefusedError(400, f"replayed: {name}")
        self.used.add(name)

    # Dynamic registration

    def configuration(self) -> Json:
        return {
            "issuer": self.issuer, "authorization_endpoint": self.authorization_url, "token_endpoint": self.token_url,
            "jwks_uri": self.keys_url, "registration_endpoint": f"{self.url}/register",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"], "response_types_supported": ["id_token"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"], "subject_types_supported": ["public"],
            "scopes_supported": ["openid", *self.scopes, *self.membership_scopes],
            "id_token_signing_alg_values_supported": ["RS256"], "claims_supported": ["sub", "iss", "name", "email"],
            PLATFORM_CONFIGURATION: {"product_family_code": self.flavour, "version": "1", "messages_supported": [
                {"type": "LtiResourceLinkRequest"}, {"type": "LtiDeepLinkingRequest", "placements": ["ContentArea"]}]},
        }  # fmt: skip

    def register(self, request: Request) -> Json:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.registration_tokens:
            raise RefusedError(401, "missing_registration_token")
        given = request.json()
        tool = given.get(TOOL_CONFIGURATION) or {}
        expected = {"application_type": "web", "token_endpoint_auth_method": "private_key_jwt"}
        wrong = [name for name, value in expected.items() if given.get(name) != value]
        wrong += [name for name in ("initiate_login_uri", "client_name", "jwks_uri", "scope") if not given.get(name)]
        wrong += ["response_types"] if "id_token" not in given.get("response_types", ()) else []
        wrong += ["grant_types"] if {*given.get("grant_types", ())} < {"implicit", "client_credentials"} else []
        wrong += ["redirect_uris"] if not isinstance(given.get("redirect_uris"), list) else []
        wrong += ["domain"] if not tool.get("domain") or tool["domain"] not in str(tool.get("target_link_uri")) else []
        if wrong:
            raise RefusedError(400, f"invalid_client_metadata: {', '.join(wrong)}")
        self.registration_tokens.remove(token)
        self.registrations.append(given)
        self.redirect_uris = tuple(given["redirect_uris"])
        return {**given, "client_id": CLIENT, TOOL_CONFIGURATION: {**tool, "deployment_id": DEPLOYMENT}}

    def answer(self, request: Request) -> Answer:
        """Every path of the platform. Raises RefusedError."""
        routes: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "/keys"): lambda: {"keys": [public_jwk(kid) for kid in self.published]},
            ("GET", "/.well-known/openid-configuration"): self.configuration,
            ("POST", "/token"): lambda: self.token(request),
            ("POST", "/register"): lambda: self.register(request),
        }
        if (request.method, request.path) in routes:
            return Answer(200, routes[request.method, request.path](), "application/json")
        if request.path == "/auth":
            return Answer(200, _form(*self.authorize({**request.query, **request.form()})), "text/html")
        if (request.method, request.path) == ("POST", "/deep-link"):
            self.deep_link(request)
            return Answer(200, "<p>added</p>", "text/html")
        return self.serve(request)


def _present(values: Json) -> Json:
    return {name: value for name, value in values.items() if value is not DROP}


def _form(action: str, fields: Mapping[str, str]) -> str:
    inputs = (f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items())
    return f'<form method="post" action="{html.escape(action)}">{"".join(inputs)}</form>'


def _handler(platform: FakeLti) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            parts = urlsplit(self.path)
            body = read_body(self)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            with platform.lock:
                platform.counts[self.command] += 1
                fault = platform.faults(self.command, platform.counts[self.command])
                answer = self._answer(request, fault)
            if answer is None:
                self.close_connection = True
                return
            data = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data.encode())))
            self.end_headers()
            self.wfile.write(data.encode())

        def _answer(self, request: Request, fault: str | None) -> Answer | None:
            """None if the connection is closed without an answer."""
            platform.process_late()
            if fault in ("500", "429"):
                return Answer(int(fault), "<h1>Error</h1>", "text/html")
            if fault == "late":
                platform.late.append((LATE, request))
            if fault in ("late", "drop"):
                return None
            platform.half = fault == "half"
            answer = _safe(platform, request)
            platform.half = False
            if fault == "twice":
                answer = _safe(platform, request)
            if fault == "half":
                return Answer(500, "<h1>Error</h1>", "text/html")
            return None if fault == "lose" else answer

        do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    return Handler


def _safe(platform: FakeLti, request: Request) -> Answer:
    try:
        return platform.answer(request)
    except RefusedError as error:
        return Answer(error.status, {"error": error.reason}, "application/json")
