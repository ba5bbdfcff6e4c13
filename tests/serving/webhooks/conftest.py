"""A receiver, and endpoints with a sender whose clock is set by hand."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest

from labs_schema.models import Lab
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.store import Store
from serving.webhooks.endpoints import Endpoints
from serving.webhooks.sender import WebhookSender
from tests.harness.platforms.quiet_server import QuietServer

COMPILES, READABLE = "Does it compile?", "Is it readable?"
RATINGS = {COMPILES: "B", READABLE: "A"}


class Receiver:
    """Answers with the next of `answers` (status and headers), then with 204; stores what it received.

    `failing`: the path of an endpoint that always fails.
    """

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.failing = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                status = 500 if self.path == receiver.failing else status
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = QuietServer(Handler)
        self.url = self._server.url

    def events(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.received]

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(students=0)


class Hooks:
    """Endpoints and a sender whose clock is `now`."""

    def __init__(self, store: Store, receiver: Receiver) -> None:
        self.policy = OutboundPolicy(frozenset({parse_origin(receiver.url)}))
        self.endpoints, self.now = Endpoints(store, "test"), datetime.now(UTC) + timedelta(seconds=1)
        self.client = OutboundClient(self.policy)
        self.sender = self.new_sender(store)
        self.endpoint, self.secret = self.endpoints.add(f"{receiver.url}/hook", (), None, self.policy)

    def new_sender(self, store: Store) -> WebhookSender:
        return WebhookSender(store, self.client, clock=lambda: self.now, jitter=lambda: 1.0)

    def after(self, seconds: float) -> int:
        self.now += timedelta(seconds=seconds)
        return self.sender.look()


@pytest.fixture
def hooks(store: Store, receiver: Receiver) -> Iterator[Hooks]:
    hooks = Hooks(store, receiver)
    yield hooks
    hooks.client.close()
