"""Graceful shutdown of a real server: accepted requests are answered, then nothing more is accepted."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import uvicorn

from serving.api.schemas.examples import BY_LAB
from serving.api.server import server
from serving.scheduler.engine_thread import EngineThread

GRADE = {**BY_LAB, "lab": "lab1"}


def test_accepted_requests_are_answered(
    fake_grader: Any, fake_engine: Any, new_app: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    proceed, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if proceed.wait(60) else None
    engine = EngineThread(lambda: fake_grader, batch_size=2)
    accepted, submit = list[Any](), engine.submit
    monkeypatch.setattr(
        engine, "submit", lambda *given, **named: accepted.append(submit(*given, **named)) or accepted[-1]
    )
    app = new_app(engine)
    http = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    running = threading.Thread(target=http.run)
    running.start()
    until(lambda: http.started)
    url = f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}"
    with ThreadPoolExecutor(6) as clients:
        posts = [clients.submit(httpx.post, f"{url}/grade", json=GRADE, timeout=60) for _ in range(6)]
        until(lambda: len(accepted) == 6)
        http.should_exit = True  # What SIGTERM sets.
        until(lambda: not http.servers[0].is_serving())
        proceed.set()
        assert [post.result().status_code for post in posts] == [200] * 6
    running.join(30)
    assert not running.is_alive()
    assert fake_engine.closed
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")


def test_connections_in_the_kernels_backlog_are_answered() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def busy() -> None:
        entered.set()
        time.sleep(0.5)

    entered = threading.Event()
    http = server(app, threading.Event(), 30)
    http.config.port, http.config.lifespan = 0, "off"
    loops: list[asyncio.AbstractEventLoop] = []
    on_tick = http.on_tick

    async def noting(counter: int) -> bool:
        loops.append(asyncio.get_running_loop())
        return await on_tick(counter)

    http.on_tick = noting  # type: ignore[method-assign]
    running = threading.Thread(target=http.run)
    running.start()
    until(lambda: http.started and bool(loops))
    address = http.servers[0].sockets[0].getsockname()
    asyncio.run_coroutine_threadsafe(busy(), loops[0])
    assert entered.wait(30)
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(20)]
        for each in connections:
            each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        http.should_exit = True  # What SIGTERM sets.
        assert [each.recv(12) for each in connections] == [b"HTTP/1.1 200"] * 20
    running.join(10)
    assert not running.is_alive()


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)
