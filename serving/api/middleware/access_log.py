"""The service's log: one JSON line per request, failure or loaded model.

Never a path, a body or an error's text: they may contain a student's work.
"""

import json
import logging
import time
import traceback
from collections.abc import Callable
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.schemas.problems import ProblemError, problem_response

log = logging.getLogger("grader.access")


class AccessLog:
    """ASGI middleware. Adds an `X-Request-Id` to every response; responds with 500 to an unhandled exception.

    `on_request` receives route template, method, status and seconds of every request, for metrics.
    """

    def __init__(
        self, app: ASGIApp, on_request: Callable[[str | None, str, int, float], None] = lambda *_: None
    ) -> None:
        self.app, self.on_request = app, on_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, request_id, status = time.monotonic(), uuid4().hex, 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            log_failure(error, request_id=request_id)
            if not status:
                detail = "The service failed on this request."
                await problem_response(ProblemError("internal-error", detail))(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", None)  # known once the request has been routed
            seconds = time.monotonic() - started
            self.on_request(route, scope["method"], status, seconds)
            _write(
                request_id=request_id, method=scope["method"], route=route, status=status, ms=round(1000 * seconds, 1)
            )


def log_to_stderr() -> None:
    """Sends the log to stderr as it is: each message is a JSON object."""
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    log.propagate = False


def log_failure(error: BaseException, **fields: object) -> None:
    """Logs an error's type and location. Its text is omitted, as it may quote a student's program."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    location = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames]
    _write(level=logging.ERROR, error=type(error).__name__, at=location, **fields)


def log_model(message: str) -> None:
    """Logs that a model was loaded or rejected. `message` may contain the model's path."""
    _write(model=message)


def log_refusal(code: str, why: str) -> None:
    """Logs why a launch from a course platform was refused. `why` names no person."""
    _write(level=logging.WARNING, lti=code, why=why)


def _write(level: int = logging.INFO, **fields: object) -> None:
    log.log(level, json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **fields}))
