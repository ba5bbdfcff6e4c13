"""Refuses bodies that are compressed, or are not JSON in UTF-8."""

from email.message import Message as Header

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.middleware.body_limit import is_upload
from serving.api.schemas.problems import FieldProblem, ProblemError, problem_response

ZIP_TYPES = ("application/zip", "application/x-zip-compressed", "application/octet-stream")
PAGES_PATH, LTI_PATH = "/app", "/lti"
"""The paths below which browsers send forms, which are read and limited there."""
UTF_8 = ("utf-8", "utf8", "us-ascii", "ascii")


class JsonBodies:
    """ASGI middleware: 415 for a body whose Content-Encoding or Content-Type the service does not read.

    Only POST takes bodies; other methods get their 405 from the router.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and (wrong := _fault(scope)):
            detail = f"{wrong.field} is {wrong.found}; the service reads {wrong.expected}."
            return await problem_response(ProblemError("unsupported-media-type", detail, [wrong]))(scope, receive, send)
        return await self.app(scope, receive, send)


def _fault(scope: Scope) -> FieldProblem | None:
    headers = Headers(scope=scope)
    if scope["path"].startswith((f"{PAGES_PATH}/", f"{LTI_PATH}/")):
        return None
    if not is_upload(scope):
        return unsupported(headers)
    kind = headers.get("content-type", "missing").split(";")[0].strip().lower()
    if kind in ZIP_TYPES and "content-encoding" not in headers:
        return None
    hint = "Send the zip file itself, with this header."
    return FieldProblem(field="Content-Type", found=kind[:40], expected="application/zip", hint=hint)


def unsupported(headers: Headers) -> FieldProblem | None:
    """The header that describes a body which the service does not read; None for JSON, or without a body."""
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return None
    encodings = [name.strip().lower() for name in headers.get("content-encoding", "").split(",") if name.strip()]
    if unread := [name for name in encodings if name != "identity"]:
        hint = "Send the body uncompressed, without this header."
        return FieldProblem(field="Content-Encoding", found=unread[0][:40], expected="an uncompressed body", hint=hint)
    kind = Header()
    kind["content-type"] = headers.get("content-type", "")
    hint = "Send Content-Type: application/json and a body in UTF-8."
    if "content-type" not in headers:
        return FieldProblem(field="Content-Type", found="missing", expected="application/json", hint=hint)
    if (name := kind.get_content_type()) != "application/json" and not name.endswith("+json"):
        return FieldProblem(field="Content-Type", found=name[:40], expected="application/json", hint=hint)
    if (charset := str(kind.get_content_charset("utf-8"))) not in UTF_8:
        return FieldProblem(field="Content-Type", found=f"charset {charset[:40]}", expected="charset utf-8", hint=hint)
    return None
