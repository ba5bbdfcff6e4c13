"""deploy/nginx.conf protects the service from slow, oversized and numerous connections."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.api.schemas.examples import BY_LAB
from serving.api.schemas.parts import LIMITS
from serving.api.schemas.problems import PROBLEMS, Problem

pytestmark = pytest.mark.slow

GRADE = {**BY_LAB, "lab": "lab1"}
SHORT = "1s"
CONFIG = Path(__file__).parents[4] / "deploy" / "nginx.conf"


def wait_for_close(connection: socket.socket, send: Callable[[], bytes] = lambda: b"", seconds: float = 30) -> bool:
    """Whether the server closes the connection while `send` produces data to send."""
    end = time.monotonic() + seconds
    connection.settimeout(0.05)
    while time.monotonic() < end:
        try:
            connection.sendall(send())
            if connection.recv(65536) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_submission_is_graded_through_the_proxy(behind_nginx: Any) -> None:
    with behind_nginx() as proxy, proxy.client() as client:
        assert client.post("/grade", json=GRADE).status_code == 200
        assert client.post("/grade", json=GRADE, headers={"Authorization": "Bearer grader_x"}).status_code == 401
        assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("sent_before", [False, True], ids=["new", "after a response"])
@pytest.mark.parametrize("dribble", [b"", b"X-Slow: 1\r\n"], ids=["nothing", "a line now and then"])
def test_a_connection_without_complete_headers_is_closed(behind_nginx: Any, sent_before: bool, dribble: bytes) -> None:
    timeouts = {"client_header_timeout": SHORT, "keepalive_timeout": SHORT}
    with behind_nginx(timeouts) as proxy, proxy.connect() as connection:
        if sent_before:
            connection.sendall(proxy.request() + b"\r\n")
        connection.sendall(proxy.request() if dribble else b"")
        assert wait_for_close(connection, lambda: dribble)


def test_endless_headers_are_refused(behind_nginx: Any) -> None:
    with behind_nginx() as proxy, proxy.connect() as connection:
        connection.sendall(proxy.request())
        sent = 0

        def more() -> bytes:
            nonlocal sent
            sent += 4096
            return b"X-Long: " + b"x" * 4086 + b"\r\n"

        assert wait_for_close(connection, more)
        assert sent < 1_000_000


@pytest.mark.parametrize(
    ("field", "moderate", "large"), [("X-Long: " + "x" * 9000, 2, 20), ("a: b", 100, 30_000)], ids=["long", "many"]
)
def test_large_headers_are_refused_and_moderate_ones_are_not(
    behind_nginx: Any, field: str, moderate: int, large: int
) -> None:
    with behind_nginx() as proxy:
        for count, status in ((moderate, b"200"), (large, b"400")):
            with proxy.connect() as connection:
                with suppress(OSError):
                    connection.sendall(proxy.request("GET", "/labs", *[field] * count) + b"\r\n")
                assert connection.recv(12) == b"HTTP/1.1 " + status


def test_slow_bodies_occupy_no_queue_slot(behind_nginx: Any) -> None:
    """100 clients that have sent half of a body, with a queue of 4."""
    body = json.dumps(GRADE).encode()
    with behind_nginx(capacity=4) as proxy, ExitStack() as stack:
        for _ in range(100):
            head = proxy.request("POST", "/grade", "Content-Type: application/json", f"Content-Length: {len(body)}")
            stack.enter_context(proxy.connect()).sendall(head + b"\r\n" + body[: len(body) // 2])
        with proxy.client() as client:
            assert [client.post("/grade", json=GRADE).status_code for _ in range(5)] == [200] * 5
        assert len(proxy.service.server_state.connections) < 50


def test_stalled_body_times_out(behind_nginx: Any) -> None:
    with behind_nginx({"client_body_timeout": SHORT}) as proxy, proxy.connect() as connection:
        connection.sendall(proxy.request("POST", "/grade", "Content-Length: 1000") + b"\r\n{")
        assert wait_for_close(connection)


def test_unread_response_times_out(behind_nginx: Any) -> None:
    with behind_nginx({"send_timeout": SHORT}) as proxy, proxy.connect() as connection:
        connection.sendall((proxy.request("GET", "/docs/swagger-ui-bundle.js") + b"\r\n") * 20)
        until(lambda: not proxy.service.server_state.tasks)  # the service itself is done at once
        time.sleep(3)
        read = 0
        with suppress(OSError):
            while got := len(connection.recv(1_000_000)):
                read += got
        assert 0 < read < 15_000_000


def test_idle_connections_do_not_block_others(behind_nginx: Any) -> None:
    """More connections than nginx has (512): it closes idle ones for new ones."""
    with behind_nginx() as proxy, ExitStack() as stack:
        for _ in range(600):
            with suppress(OSError):
                stack.enter_context(proxy.connect()).sendall(proxy.request() + b"\r\n")
        for _ in range(5):
            with proxy.client() as client:
                assert client.get("/labs").status_code == 200


def test_pipelined_requests_are_answered_in_order(behind_nginx: Any) -> None:
    with behind_nginx() as proxy, proxy.connect() as connection:
        connection.sendall((proxy.request() + b"\r\n") * 50)
        received = b""
        while received.count(b'"labs"') < 50:
            received += connection.recv(65536)
        assert received.count(b"HTTP/1.1 200") == 50


def test_trailers_and_conflicting_lengths_do_not_reach_the_service(behind_nginx: Any) -> None:
    body = json.dumps(GRADE).encode()
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n"
    with behind_nginx() as proxy:
        head = "POST /grade HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
        with proxy.connect() as connection:
            trailer = f"Authorization: {proxy.key['Authorization']}\r\n\r\n"
            connection.sendall(f"{head}\r\n".encode() + chunk + trailer.encode())
            assert connection.recv(12) == b"HTTP/1.1 401"
        with proxy.connect() as connection:
            connection.sendall(f"{head}Content-Length: 4\r\n\r\n".encode() + chunk + b"\r\n")
            assert connection.recv(12) == b"HTTP/1.1 400"


def test_a_disconnect_reaches_the_service(behind_nginx: Any, fake_engine: Any) -> None:
    """A client that disconnects while its submission is queued is not graded."""
    proceed, called, first_letter = threading.Event(), threading.Event(), fake_engine.answer

    def blocked(request: Any) -> Any:
        called.set()
        assert proceed.wait(30)
        return first_letter(request)

    fake_engine.answer = blocked
    with behind_nginx() as proxy, proxy.client() as client:
        engine = proxy.service.config.app.state.service.engine
        first = threading.Thread(target=lambda: client.post("/grade", json=GRADE))
        first.start()
        assert called.wait(30)
        with suppress(httpx.TimeoutException), proxy.client() as impatient:
            thread = threading.Thread(target=lambda: until(lambda: bool(engine.queue.counts())))
            thread.start()
            impatient.post("/grade", json=GRADE, timeout=1)
        until(lambda: proxy.service.config.app.state.service.engine.queue.full is False)
        time.sleep(0.5)
        proceed.set()
        first.join(30)
    assert len(fake_engine.calls) == 1


@pytest.mark.parametrize("size", [LIMITS.body_bytes + 1, 3_000_000], ids=["by the service", "by nginx"])
def test_a_body_past_the_limit_is_a_problem(behind_nginx: Any, problem: Any, size: int) -> None:
    with behind_nginx() as proxy, proxy.client() as client:
        headers = {"Content-Type": "application/json"}
        problem(client.post("/grade", content=b" " * size, headers=headers), "too-large")


def test_head_has_the_headers_of_get_and_no_body(behind_nginx: Any) -> None:
    with behind_nginx() as proxy, proxy.client() as client:
        for path in ("/healthz", "/labs", "/labs/lab1", "/jobs", "/docs", "/openapi.json"):
            got, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (200, b""), path
            for name in ("content-type", "content-length"):
                assert head.headers[name] == got.headers[name], path


def test_head_of_a_stream_ends_at_once(behind_nginx: Any) -> None:
    with behind_nginx(run_jobs=False) as proxy, proxy.client() as client:
        job = client.post("/labs/lab1/regrade").json()["id"]
        head = client.head(f"/jobs/{job}/events")
        assert (head.status_code, head.content) == (200, b"")
        assert client.head("/grade").status_code == 405


def test_the_streams_of_a_key_are_limited(behind_nginx: Any, problem: Any) -> None:
    with behind_nginx(run_jobs=False) as proxy, proxy.client() as client, ExitStack() as stack:
        job = client.post("/labs/lab1/regrade").json()["id"]
        path = f"/jobs/{job}/events"
        streams = [stack.enter_context(client.stream("GET", path)) for _ in range(8)]
        assert [stream.status_code for stream in streams] == [200] * 8
        refused = client.get(path)
        assert problem(refused, "too-many-streams") and refused.headers["retry-after"]
        assert client.get("/labs").status_code == 200
        streams[0].close()

        def accepted() -> bool:
            with client.stream("GET", path) as stream:
                return stream.status_code == 200

        until(accepted)


def test_open_streams_end_when_the_service_stops(behind_nginx: Any) -> None:
    with behind_nginx(run_jobs=False) as proxy, proxy.client() as client:
        job = client.post("/labs/lab1/regrade").json()["id"]
        with client.stream("GET", f"/jobs/{job}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: progress"
            proxy.service.should_exit = True
            assert any(line.startswith("data: ") for line in lines)  # to its end


def test_results_of_a_key_are_limited(behind_nginx: Any, problem: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, proceed = threading.Semaphore(0), threading.Event()

    def blocked(*_: Any) -> list[Any]:
        entered.release()
        proceed.wait(60)
        return []

    monkeypatch.setattr("serving.api.routes.job_results.results", blocked)
    with behind_nginx(run_jobs=False) as proxy, proxy.client() as client:
        path = f"/jobs/{client.post('/labs/lab1/regrade').json()['id']}/grades.jsonl"
        statuses: list[int] = []
        threads = [threading.Thread(target=lambda: statuses.append(client.get(path).status_code)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert entered.acquire(timeout=30)
        problem(client.get(path), "too-many-streams")
        proceed.set()
        for thread in threads:
            thread.join(30)
    assert statuses == [200] * 4


def test_a_stopped_service_is_a_problem_with_retry_after(behind_nginx: Any, problem: Any) -> None:
    with behind_nginx() as proxy, proxy.client() as client:
        proxy.service.should_exit = True
        until(lambda: client.get("/healthz").status_code == 503)
        refused = client.get("/healthz")
        assert problem(refused, "service-unavailable") and refused.headers["retry-after"]


def test_service_without_keys_refuses_proxied_requests(
    behind_nginx: Any, problem: Any, course: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course.store, "list_keys", lambda: ())
    with behind_nginx() as proxy, proxy.client() as client:
        for host in ("grader.example.edu", "localhost"):
            problem(client.get("/labs", headers={"Host": host}), "loopback-only")


def test_configured_problems_match_the_registry() -> None:
    bodies = re.findall(r"return \d+ '(\{.*\})';", CONFIG.read_text(encoding="utf-8"))
    assert len(bodies) == 3
    for body in bodies:
        problem = Problem.model_validate_json(body)
        kind = PROBLEMS[problem.code]
        assert (problem.type, problem.title, problem.status, problem.hint) == (
            kind.uri,
            kind.title,
            kind.status,
            kind.hint,
        )
