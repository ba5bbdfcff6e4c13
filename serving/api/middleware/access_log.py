"""One JSON line a request: id, route, status, milliseconds. Never a path, a body or an error's text, which may hold a
student's work."""

import json
import logging
import time
import traceback
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.schemas.problems import ProblemError, answer

log = logging.getLogger("grader.access")


class AccessLog:
    """ASGI middleware. Gives every answer an `X-Request-Id`; what fails without an answer is answered with a 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, request_id, status = time.monotonic(), uuid4().hex, 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            log_failure(error, request_id=request_id)
            if not status:
                await answer(_internal())(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", None)
            milliseconds = round(1000 * (time.monotonic() - started), 1)
            _write(request_id=request_id, method=scope["method"], route=route, status=status, ms=milliseconds)


def log_to_stderr() -> None:
    """Writes the lines, which are whole JSON objects, to stderr as they are."""
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    log.propagate = False


def log_failure(error: BaseException, **fields: object) -> None:
    """An error by its type and place; its text stays out, as it may quote what a student wrote."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    place = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames]
    _write(level=logging.ERROR, error=type(error).__name__, at=place, **fields)


def _write(level: int = logging.INFO, **fields: object) -> None:
    log.log(level, json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **fields}))


def _internal() -> ProblemError:
    detail = "The service failed on this request. Its log says where, under the X-Request-Id of this answer."
    return ProblemError(500, "internal-error", detail)
