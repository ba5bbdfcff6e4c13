"""An HTTP server for fakes whose clients are killed."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class QuietServer(ThreadingHTTPServer):
    """A client that goes away in the middle of a request is not an error of the server."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def read_body(handler: BaseHTTPRequestHandler) -> bytes:
    """Raises ConnectionError for a body that is cut off: a web server does not pass it on."""
    size = int(handler.headers.get("Content-Length") or 0)
    body = handler.rfile.read(size)
    if len(body) < size:
        raise ConnectionResetError("the client went away")
    return body
