"""The HTTP side of the fake Moodle: forms as PHP reads them, files, and the faults of a network."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.harness.platforms.fake_moodle import TOKEN, FakeMoodle
from tests.harness.platforms.fake_moodle_grades import Json
from tests.harness.platforms.quiet_server import QuietServer, read_body


class MoodleHandler(BaseHTTPRequestHandler):
    """`site` is set by a subclass."""

    wbufsize = -1  # one packet for each answer: two of them wait for an acknowledgement of 40 ms
    site: FakeMoodle

    def do_POST(self) -> None:
        body = read_body(self).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        if self.path.startswith("/webservice/pluginfile.php"):
            self._file(form)
            return
        function = form.pop("wsfunction", "")
        token, _ = form.pop("wstoken", ""), form.pop("moodlewsrestformat")
        self.site.requests[function] = self.site.requests.get(function, 0) + 1
        fault = self.site.next_fault()
        if fault in ("busy", "broken"):
            self._answer(503 if fault == "busy" else 500, b"<html>maintenance</html>", "text/html")
            return
        answer = self.site.handle(function, nested(form), token, fault)
        if fault in ("drop", "lose", "late"):
            self.close_connection = True
        elif fault == "half" and function == "mod_assign_save_grades":
            self._answer(500, b"<html>error</html>", "text/html")
        else:
            self._answer(200, json.dumps(answer).encode(), "application/json")

    def _file(self, form: Json) -> None:
        wanted = unquote(self.path.partition("?file=")[2])
        files = self.site.files.items()
        found = (each for (owner, path, name), each in files if wanted == f"{owner}{path}{name}")
        if form.get("token") == TOKEN:
            self._answer(200, next(found), "text/plain")
        else:
            error = {"error": "Invalid token - token not found", "errorcode": "invalidtoken"}
            self._answer(200, json.dumps(error).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", str(self.site.retry_after))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None: ...


@contextmanager
def serving(site: FakeMoodle) -> Iterator[str]:
    """The address of the site while it is served on this machine."""
    server = QuietServer(type("Handler", (MoodleHandler,), {"site": site}))
    site.base = server.url
    try:
        yield site.base
    finally:
        server.close()


def nested(form: Mapping[str, str]) -> Json:
    """`grades[0][userid]` as PHP reads it; keys that count from 0 become a list."""
    root: Json = {}
    for name, value in form.items():
        first, *keys = re.findall(r"[^\[\]]+", name)
        at = root
        for key, following in zip([first, *keys], [*keys, None], strict=True):
            if following is None:
                at[key] = value
            else:
                at = at.setdefault(key, {})
    return {key: _lists(value) for key, value in root.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(each) for key, each in value.items()}
    return list(inner.values()) if list(inner) == [str(index) for index in range(len(inner))] else inner
