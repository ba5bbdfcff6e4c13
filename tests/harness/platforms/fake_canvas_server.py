"""The HTTP side of the fake Canvas: tokens, pages, string ids, and the faults of a network."""

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.harness.platforms.quiet_server import read_body

if TYPE_CHECKING:
    from tests.harness.platforms.fake_canvas import FakeCanvas

THROTTLED = b"403 Forbidden (Rate Limit Exceeded)\n"
PAGE_ERROR = b"<html><h1>Page Error</h1></html>"
LATE = 5
"""Requests that overtake a late one."""
Pairs = list[tuple[str, str]]


class CanvasHandler(BaseHTTPRequestHandler):
    """`canvas` is set by a subclass."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    canvas: "FakeCanvas"

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        body = read_body(self)
        query = parse_qsl(parts.query, keep_blank_values=True)
        fault = self._count()
        if parts.path.startswith("/files/"):
            self._send(200, self.canvas.files[parts.path], "application/octet-stream")
        elif self.headers.get("Authorization") != f"Bearer {self.canvas.token}":
            wrong = {"errors": [{"message": "Invalid access token."}]}
            self._send_json(401, wrong, {"WWW-Authenticate": 'Bearer realm="x"'})
        elif fault in ("403", "429"):
            self._send(int(fault), THROTTLED, "text/plain")
        elif fault == "500":
            self._send(500, PAGE_ERROR, "text/html")
        elif fault == "drop":
            self.close_connection = True
        else:
            form = nested(parse_qsl(body.decode(), keep_blank_values=True))
            self._process(parts.path, query, form, fault)

    def _count(self) -> str | None:
        """Records the request and returns its fault."""
        canvas = self.canvas
        with canvas.lock:
            canvas.counts[self.command] += 1
            canvas.requests.append((self.command, self.path))
            return canvas.faults(self.command, canvas.counts[self.command])

    def _process(self, path: str, query: Pairs, form: dict[str, Any], fault: str | None) -> None:
        """Lets Canvas answer, in the way of `fault`."""
        canvas, command = self.canvas, self.command
        with canvas.lock:
            canvas.process_late()
            if fault == "late":
                canvas.late.append((LATE, lambda: canvas.answer(command, path, query, form)))
                self.close_connection = True
                return
            if fault == "half" and command == "PUT":
                canvas.put(canvas.submissions[int(path.rsplit("/", 1)[1])], form, half=True)
                self._send(500, PAGE_ERROR, "text/html")
                return
            if fault == "twice":
                canvas.answer(command, path, query, form)
            status, answer = canvas.answer(command, path, query, form)
            answer = json.loads(json.dumps(answer))
        if fault == "lose":
            self.close_connection = True
        else:
            self._send_answer(status, answer, dict(query))

    def _send_answer(self, status: int, answer: Any, query: dict[str, str]) -> None:
        headers: dict[str, str] = {}
        if isinstance(answer, list):
            answer, headers = self._page(answer, query)
        if "canvas-string-ids" in self.headers.get("Accept", ""):
            answer = text_ids(answer)
        self._send_json(status, answer, headers)

    def _page(self, data: list[Any], query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
        size = min(int(query.get("per_page", 10)), 100)
        start = int(query.get("page", "bookmark:0").removeprefix("bookmark:") or 0)
        if start + size >= len(data):
            return data[start : start + size], {}
        parts, url = urlsplit(self.path), self.canvas.url
        repeated = (pair for pair in parse_qsl(parts.query) if pair[0] not in ("page", "access_token"))
        rest = "&".join(f"{name}={value}" for name, value in repeated)
        following = f"{url}{parts.path}?{rest}&page=bookmark:{start + size}"
        return data[start : start + size], {"link": f'<{following}>; rel="next",<{url}>; rel="first"'}

    def _send_json(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(data).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815

    def log_message(self, *_: object) -> None: ...


def nested(pairs: Pairs) -> dict[str, Any]:
    """`a[b][c]=d` as Rails reads it."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = re.findall(r"[^\[\]]+", name)
        at = result
        for key in path:
            at = at.setdefault(key, {})
        at[last] = value
    return result


def text_ids(value: Any) -> Any:
    """Ids as text, as with `Accept: application/json+canvas-string-ids`."""
    if isinstance(value, list):
        return [text_ids(each) for each in value]
    if isinstance(value, dict):
        return {
            key: str(each) if (key == "id" or key.endswith("_id")) and each is not None else text_ids(each)
            for key, each in value.items()
        }
    return value
