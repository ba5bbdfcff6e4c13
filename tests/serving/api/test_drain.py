"""Stopping under load: what a real server has accepted is answered, and then it takes nothing more."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import uvicorn

from labs_schema.models import Lab
from serving.api.app import create_app
from serving.api.engine_thread import EngineThread
from serving.api.examples import BY_LAB
from serving.api.lab_registry import LabRegistry

GRADE = {**BY_LAB, "lab": "lab1"}


def test_what_was_accepted_before_the_end_is_answered(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab], store: Any
) -> None:
    go, first_letter = threading.Event(), fake_engine.answer
    fake_engine.answer = lambda request: first_letter(request) if go.wait(10) else None
    engine = EngineThread(lambda: fake_grader, batch=2)
    app = create_app(engine, LabRegistry([make_lab()]), store)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    running = threading.Thread(target=server.run)
    running.start()
    until(lambda: server.started)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with ThreadPoolExecutor(6) as clients:
        posts = [clients.submit(httpx.post, f"{url}/grade", json=GRADE, timeout=10) for _ in range(6)]
        until(lambda: sum(engine.waiting.values()) >= 4)  # The engine has taken two.
        server.should_exit = True  # What SIGTERM sets.
        until(lambda: not server.servers[0].is_serving())
        go.set()
        assert [post.result().status_code for post in posts] == [200] * 6
    running.join(10)
    assert not running.is_alive()
    assert fake_engine.closed
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)
