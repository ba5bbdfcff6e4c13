"""The library `lti1p3platform` of OpenLearning as a platform over HTTP, with a course of three students.

Runs alone, in an environment with the library: `python openlearning_platform.py TOOL_URL LAB`. Prints its addresses
as a line of JSON, then serves until its standard input closes. Login, launches, tokens, deep linking, members and
scores are the library's; the storage behind them is made up here.
"""

import html
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jwcrypto.jwk import JWK
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.membership import Context
from lti1p3platform.message_launch import LTIAdvantageMessageLaunchAbstract
from lti1p3platform.oidc_login import OIDCLoginAbstract
from lti1p3platform.registration import Registration
from lti1p3platform.request import Request
from lti1p3platform.score import UpdateScoreStatus
from lti1p3platform.service_connector import AssignmentsGradesService, NamesRoleProvisioningService

MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
PEOPLE = {"teacher": "Instructor", **{f"u{n}": "Learner" for n in range(3)}}
CONTEXT, ITEM = "course-2", "/items/1"


class Course:
    def __init__(self, url: str, tool: str, lab: str) -> None:
        self.url, self.tool, self.lab = url, tool, lab
        self.scores: dict[str, dict[str, Any]] = {}
        self.links: list[dict[str, Any]] = []
        key = JWK.generate(kty="RSA", size=2048)
        registration = Registration()
        registration.set_iss(url).set_client_id("tool-1").set_deployment_id("7")
        registration.set_launch_url(f"{tool}/lti/launch").set_deeplink_launch_url(f"{tool}/lti/launch")
        registration.set_oidc_login_url(f"{tool}/lti/login").set_tool_key_set_url(f"{tool}/lti/jwks")
        registration.set_platform_private_key(key.export_to_pem(True, None).decode())
        registration.set_platform_public_key(key.export_to_pem().decode())
        self.platform = Platform(registration=registration)

    def mail(self, user: str) -> str:
        return f"s{int(user[1:]):03d}@uni.example" if user.startswith("u") else "ada@uni.example"


class Platform(LTI1P3PlatformConfAbstract):
    def init_platform_config(self, registration: Registration) -> None:
        self._registration = registration

    def get_registration_by_params(self, **_: Any) -> Registration:
        return self._registration


class Login(OIDCLoginAbstract):
    def set_lti_message_hint(self, message: str) -> None:
        self._lti_message_hint = message

    def get_redirect(self, url: str) -> str:
        return url


class Launch(LTIAdvantageMessageLaunchAbstract):
    def render_launch_form(self, launch_data: dict[str, Any], **_: Any) -> str:
        fields = "".join(f'<input name="{n}" value="{html.escape(launch_data[n])}">' for n in ("id_token", "state"))
        return f'<form action="{html.escape(launch_data["launch_url"])}" method="post">{fields}</form>'


class ParsedRequest(Request):
    def build_metadata(self, request: Any) -> Any:
        return request


class Grades(AssignmentsGradesService):
    course: Course

    def find_lineitem(self, line_item_id: str) -> Any:  # noqa: ARG002
        return {"id": self.course.url + ITEM, "scoreMaximum": 3, "label": "Lab"}

    def update_score(self, line_item_id: str, score: Any) -> UpdateScoreStatus:  # noqa: ARG002
        before = self.course.scores.get(score["userId"])
        if before and before["timestamp"] >= score["timestamp"]:
            return UpdateScoreStatus.OLD_TIMESTAMP
        self.course.scores[score["userId"]] = score
        return UpdateScoreStatus.SUCCESS if before else UpdateScoreStatus.CREATED

    def get_results(self, line_item_id: str, user_id: str = "", **_: Any) -> Any:  # noqa: ARG002
        content = [
            {
                "id": f"{self.course.url}{ITEM}/results/{user}",
                "scoreOf": self.course.url + ITEM,
                "userId": user,
                "resultScore": score.get("scoreGiven"),
                "resultMaximum": score.get("scoreMaximum", 1),
                "comment": score.get("comment"),
            }
            for user, score in self.course.scores.items()
            if user_id in ("", user)
        ]
        return {"content": content, "has_next": False, "next": None}

    def find_lineitems(self, **_: Any) -> Any: ...
    def create_lineitem(self, creation_data: Any) -> Any: ...
    def update_lineitem(self, update_data: Any) -> Any: ...
    def delete_lineitem(self, line_item_id: str) -> None: ...


class Members(NamesRoleProvisioningService):
    course: Course

    def get_context_by_id(self) -> Context:
        return Context(CONTEXT, "CS101", "Programming")

    def get_member_data_page(self, **_: Any) -> Any:
        content = [
            {"user_id": user, "roles": [MEMBERSHIP + role], "email": self.course.mail(user)}
            for user, role in PEOPLE.items()
        ]
        return {"content": content, "has_next": False}


def answer(course: Course, request: Any) -> tuple[int, str, Any]:
    """Status, media type and body."""
    path, given = request["path"], request["get_data"]
    if path == "/start":
        login = Login(request, course.platform)
        login.set_lti_message_hint(f"{given['user']} {given['message']}")
        return 200, "application/json", {"url": login.initiate_login(given["user"])}
    if path == "/auth":
        return 200, "text/html", launched(course, request)
    if path == "/keys":
        return 200, "application/json", course.platform.get_jwks()
    if path == "/token":
        return 200, "application/json", course.platform.get_access_token(request["form_data"])
    if path == "/deep-link":
        course.links += course.platform.validate_deeplinking_resp(request["form_data"])
        return 200, "text/html", "saved"
    if path == "/state":
        return 200, "application/json", state(course)
    if path == "/members":
        members = Members(ParsedRequest(request), course.platform, f"{course.url}/members")
        members.course = course
        return unpacked(members.handle_resp(members.handle_get_members))
    grades = Grades(ParsedRequest(request), course.platform, f"{course.url}/items", course.url + ITEM)
    grades.course = course
    acts = {
        ITEM: grades.handle_get_lineitem,
        f"{ITEM}/scores": grades.handle_update_score,
        f"{ITEM}/results": grades.handle_get_results,
    }
    if path not in acts:
        return 404, "text/plain", ""
    return unpacked(grades.handle_resp(acts[path], line_item_id="1"))


def launched(course: Course, request: Any) -> str:
    user, message = request["get_data"]["lti_message_hint"].split()
    launch = Launch(ParsedRequest(request), course.platform)
    launch.set_user_data(user, [MEMBERSHIP + PEOPLE[user]], full_name=user, email_address=course.mail(user))
    launch.set_resource_link_claim("link-1", title="Lab")
    launch.set_launch_context_claim(CONTEXT, context_title="Programming")
    launch.set_launch_presentation_claim("iframe")
    launch.set_custom_parameters_claim({"lab": course.lab})
    launch.set_ags(f"{course.url}/items", course.url + ITEM)
    launch.set_nrps(f"{course.url}/members")
    if message == "LtiDeepLinkingRequest":
        launch.set_dl(f"{course.url}/deep-link", "Lab", extra_data={"section": 4, "place": ["top"]})
    return str(launch.lti_launch())


def unpacked(response: Any) -> tuple[int, str, Any]:
    """The library returns a page of a list in a record of its own."""
    result = response.result["content"] if isinstance(response.result, dict) and "content" in response.result else None
    return response.code, response.media_type, response.result if result is None else result


def state(course: Course) -> dict[str, Any]:
    return {
        "scores": {user: each.get("scoreGiven") for user, each in course.scores.items()},
        "comments": {user: each.get("comment") for user, each in course.scores.items()},
        "progress": {user: each["gradingProgress"] for user, each in course.scores.items()},
        "links": course.links,
    }


class Handler(BaseHTTPRequestHandler):
    course: Course

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.headers.get("Content-Type", "")
        request = {
            "method": self.command,
            "path": parts.path,
            "get_data": dict(parse_qsl(parts.query)),
            "form_data": dict(parse_qsl(body.decode())) if "form" in kind else {},
            "json": json.loads(body) if "json" in kind else {},
            "headers": self.headers,
            "content_type": kind,
        }
        try:
            status, media_type, found = answer(self.course, request)
        except Exception as error:  # as a framework answers: the tool sees a failure, the test its text
            status, media_type, found = 400, "text/plain", repr(error)
        data = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _handle  # noqa: N815

    def log_message(self, *_: object) -> None: ...


def main(tool: str, lab: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    Handler.course = Course(url, tool, lab)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    addresses = {
        "url": url,
        "issuer": url,
        "client_id": "tool-1",
        "deployment": "7",
        "context": CONTEXT,
        "authorization_url": f"{url}/auth",
        "token_url": f"{url}/token",
        "keys_url": f"{url}/keys",
    }
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
