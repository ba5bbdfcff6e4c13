"""Clients that hold connections without asking, or ask without end, take nothing that others need."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import pytest

from serving.api.middleware.connection_limits import HEAD_BYTES, SENT_AHEAD, ConnectionLimits
from serving.api.server import server

LATE = 0.3


async def app(scope: Any, receive: Any, send: Any) -> None:
    """200 once the body is there; 20 MB of it for `/large`."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200})
    for _ in range(200 if scope["path"] == "/large" else 0):
        await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    await send({"type": "http.response.body", "body": b"read"})


@contextmanager
def served(door: ConnectionLimits, app: Any = app) -> Iterator[tuple[str, int]]:
    http = server(app, threading.Event(), 5, door=door)
    http.config.port, http.config.lifespan = 0, "off"
    running = threading.Thread(target=http.run, daemon=True)
    running.start()
    while not http.started:
        time.sleep(0.01)
    yield http.servers[0].sockets[0].getsockname()
    http.should_exit = True
    running.join(10)
    assert not running.is_alive()


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=10) as connection:
        yield connection


def closed_after(connection: socket.socket, send: Callable[[], bytes]) -> float:
    """Seconds until the server ended the connection, to which `send` goes on sending."""
    began = time.monotonic()
    connection.settimeout(0.05)
    while time.monotonic() < began + 10:
        try:
            connection.sendall(send())
            if connection.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began


BEGUN = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("before", [BEGUN, BEGUN + b"\r\n"], ids=["new", "answered before"])
@pytest.mark.parametrize("dribble", [b"", b"X-Slow: 1\r\n"], ids=["nothing", "lines"])
def test_who_sends_nothing_or_a_line_now_and_then_is_left(before: bytes, dribble: bytes) -> None:
    with served(ConnectionLimits(head_seconds=LATE)) as address, connected(address) as connection:
        connection.sendall(before)
        lines = iter([b"GET / HTTP/1.1\r\n"] if dribble and before.endswith(b"\r\n\r\n") else [])
        assert LATE - 0.1 < closed_after(connection, lambda: next(lines, dribble)) < LATE + 5


def test_a_head_without_an_end_is_left_before_it_fills_the_memory() -> None:
    with served(ConnectionLimits(head_seconds=60)) as address, connected(address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        sent = 0

        def more() -> bytes:
            nonlocal sent
            sent += 4096
            return b"X-Long: " + b"x" * 4086 + b"\r\n"

        closed_after(connection, more)
        assert HEAD_BYTES < sent < 40 * HEAD_BYTES


@pytest.mark.parametrize("field", [b"X-Long: " + b"x" * 9000, b"a:b"], ids=["long", "many"])
def test_a_head_that_is_too_large_is_left_though_it_comes_at_once(field: bytes) -> None:
    with served(ConnectionLimits(head_seconds=60)) as address:
        for size, answer in ((HEAD_BYTES // 2, b"HTTP/1.1 200"), (2 * HEAD_BYTES, b"")):
            with connected(address) as connection:
                connection.sendall(BEGUN + (field + b"\r\n") * (size // (len(field) + 2)) + b"\r\n")
                told = b""
                with suppress(ConnectionResetError):
                    told = connection.recv(12)
                assert told == answer


@pytest.mark.parametrize("ahead", [1, SENT_AHEAD, 2 * SENT_AHEAD])
def test_who_works_on_an_answer_is_told_that_the_client_is_gone_whatever_was_sent_ahead(ahead: int) -> None:
    told: list[str] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        told.append((await receive())["type"])
        await app(scope, receive, send)
        told.append("answered")

    with served(ConnectionLimits(), noting) as address:
        with connected(address) as connection:
            connection.sendall((BEGUN + b"\r\n") * ahead)
            time.sleep(0.1)
        end = time.monotonic() + 30
        while told != ["http.disconnect", "answered"] and time.monotonic() < end:
            time.sleep(0.01)
    assert told == ["http.disconnect", "answered"]


def test_who_does_not_read_the_answer_is_left() -> None:
    with served(ConnectionLimits(write_seconds=LATE)) as address, connected(address) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3 * LATE)
        read = 0
        try:
            while data := connection.recv(1_000_000):
                read += len(data)
        except OSError:
            pass
        assert 0 < read < 20_000_000


def test_many_that_wait_do_not_keep_out_who_asks() -> None:
    with served(ConnectionLimits(most=20, head_seconds=60)) as address, ExitStack() as held:
        for _ in range(60):
            held.enter_context(connected(address)).sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        for _ in range(5):
            assert httpx.get(f"http://{address[0]}:{address[1]}/", timeout=5).text == "read"


def test_where_all_are_being_answered_one_more_is_told_to_come_again() -> None:
    with served(ConnectionLimits(most=2, head_seconds=60)) as address, ExitStack() as held:
        for _ in range(2):
            slow = held.enter_context(connected(address))
            slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        time.sleep(0.1)
        answer = httpx.get(f"http://{address[0]}:{address[1]}/", timeout=5)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_connection_is_kept_for_the_next_request() -> None:
    with served(ConnectionLimits(most=2, head_seconds=LATE)) as address, httpx.Client() as client:
        for _ in range(3):
            assert client.get(f"http://{address[0]}:{address[1]}/").text == "read"
            time.sleep(LATE / 2)


def test_few_requests_may_be_sent_ahead_and_an_endless_row_of_them_is_left() -> None:
    with served(ConnectionLimits()) as address:
        with connected(address) as connection:
            connection.sendall((BEGUN + b"\r\n") * SENT_AHEAD)
            answered = b""
            while answered.count(b"read") < SENT_AHEAD:
                answered += connection.recv(65536)
        with connected(address) as connection:
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * (SENT_AHEAD + 2))
            read = 0
            with suppress(ConnectionResetError):
                while got := len(connection.recv(1_000_000)):
                    read += got
            assert read < 20_000_000


def test_fields_behind_a_body_are_not_kept() -> None:
    seen: list[bytes] = []

    async def looking(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"read"})

    with served(ConnectionLimits(), looking) as address, connected(address) as connection:
        body = b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
        connection.sendall(BEGUN.replace(b"GET", b"POST") + body + b"Authorization: x\r\n" * 1000 + b"\r\n")
        assert b"200 OK" in connection.recv(65536)
    assert seen == [b"host", b"transfer-encoding"]
