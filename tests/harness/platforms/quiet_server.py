"""An HTTP server for fakes whose clients are killed."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class QuietServer(ThreadingHTTPServer):
    """Serves at `url` until `close`. A client that goes away in the middle of a request is not an error."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

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
