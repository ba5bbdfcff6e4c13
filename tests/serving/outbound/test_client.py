"""Limits of outbound requests, and URLs that are refused before anything is resolved."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from labs_schema.limits import OutboundLimits
from serving.outbound import client as client_module
from serving.outbound.client import OutboundClient
from serving.outbound.errors import OutboundFailedError, OutboundRefusedError, OutboundTooLargeError
from serving.outbound.policy import Origin, OutboundPolicy, configured_policy

REFUSED_URLS = [
    *(
        "http://lms.example/",
        "ftp://lms.example/",
        "file:///etc/passwd",
        "gopher://lms.example/",
        "unix:/run/docker.sock",
    ),
    *("https://user:password@lms.example/", "https://user@lms.example/", "https://lms.example@127.0.0.1/"),
    *(
        "https://lms.example:22/",
        "https://lms.example:80/",
        "https://lms.example:6379/",
        "//lms.example/",
        "lms.example",
    ),
    *(
        "https:///path",
        "https://",
        "",
        "https://lms.example:99999/",
        "https://exa mple/",
        "https://lms.example\r\nX: y/",
    ),
    *("javascript:alert(1)", "https://[::1", "https://" + "a" * 300 + ".example/", "data:text/plain,x"),
    *("https://lms.example\\@127.0.0.1/", "https://%6c%6f%63%61%6c%68%6f%73%74/"),
]


def never(host: str, _: int) -> list[str]:
    raise AssertionError(f"{host} was resolved")


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_malformed_or_forbidden_url_is_refused(url: str) -> None:
    resolve = never if "a" * 300 not in url and "\\" not in url and "%6c" not in url else lambda *_: ["127.0.0.1"]
    with OutboundClient(OutboundPolicy(), resolve=resolve) as client, pytest.raises(OutboundRefusedError):
        client.request("GET", url)


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[Origin]:
    """Accepts connections and hands each to `answer` after it has read the request."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    connection.recv(65536)
                    answer(connection)
                except OSError:
                    continue

    threading.Thread(target=run, daemon=True).start()
    try:
        yield Origin("http", "127.0.0.1", server.getsockname()[1])
    finally:
        server.close()


def fetch(origin: Origin, **options: int) -> bytes:
    with OutboundClient(OutboundPolicy(frozenset({origin}))) as client:
        return client.request("GET", f"http://127.0.0.1:{origin.port}/", **options).content


def test_a_response_above_the_limit_is_refused() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000)

    with raw_server(answer) as origin:
        assert len(fetch(origin, max_bytes=3000)) == 3000
        with pytest.raises(OutboundTooLargeError):
            fetch(origin, max_bytes=2999)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_server_that_sends_byte_by_byte_is_cut_off(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LIMITS", OutboundLimits(request_seconds=0.3))
    stopped = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        while not stopped.wait(0.05):
            connection.sendall(b"x")

    with raw_server(answer) as origin, pytest.raises(OutboundFailedError):
        fetch(origin)
    stopped.set()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"not http\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
    ],
)
def test_a_broken_response_is_a_failure_and_not_an_answer(sent: bytes) -> None:
    with raw_server(lambda connection: connection.sendall(sent)) as origin, pytest.raises(OutboundFailedError):
        fetch(origin)


def test_a_certificate_is_verified_for_the_host_name() -> None:
    """Pinning the address must not replace the name that TLS verifies and sends as SNI."""
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _, name, __: names.append(name)

    def answer(connection: socket.socket) -> None: ...

    with raw_server(answer):
        server = socket.create_server(("127.0.0.1", 0))
        port = server.getsockname()[1]

        def handshake() -> None:
            connection, _ = server.accept()
            with connection, pytest.raises((ssl.SSLError, OSError)):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=handshake, daemon=True)
        thread.start()
        policy = OutboundPolicy(frozenset({Origin("https", "lms.campus.example", port)}))
        with (
            OutboundClient(policy, resolve=lambda *_: ["127.0.0.1"]) as client,
            pytest.raises(OutboundFailedError),
        ):
            client.request("GET", f"https://lms.campus.example:{port}/")
        thread.join(5)
        server.close()
    assert names == ["lms.campus.example"]


def test_the_allow_list_of_the_environment_names_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", "https://Moodle.campus.example http://localhost:8080/")
    assert configured_policy().allowed == {
        Origin("https", "moodle.campus.example", 443),
        Origin("http", "localhost", 8080),
    }


@pytest.mark.parametrize(
    "entry", ["moodle.campus.example", "https://a.example/path", "https://u@a.example", "*", "x://a"]
)
def test_an_allow_list_entry_that_is_no_origin_is_refused(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", entry)
    with pytest.raises(OutboundRefusedError) as raised:
        configured_policy()
    assert raised.value.code == "outbound-allow-list"
