"""Streams of events are counted: who has enough gets no more, and what ends makes room."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from serving.api.schemas.problems import ProblemError
from serving.api.server import server
from serving.api.stream_limits import RESULTS_OF_ONE, STREAMS_OF_ONE, EventStream, OpenStreams


def test_one_caller_has_only_so_many_and_others_still_some() -> None:
    streams = OpenStreams(most=3, most_of_one=2)
    ends = [streams.open("one"), streams.open("one")]
    with pytest.raises(ProblemError) as enough:
        streams.open("one")
    assert (enough.value.status_code, enough.value.problem.type) == (429, "urn:grader:too-many-streams")
    streams.open("other")
    with pytest.raises(ProblemError) as full:
        streams.open("third")
    assert (full.value.status_code, full.value.problem.type) == (503, "urn:grader:streams-full")
    for refused in (enough.value, full.value):
        assert refused.headers and int(refused.headers["Retry-After"]) > 0
    ends[0]()
    streams.open("third")


def test_results_that_are_not_read_are_held_for_few(course: Any, problem: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go = threading.Semaphore(0), threading.Event()

    def held(*_: Any) -> list[Any]:
        entered.release()
        go.wait(60)
        return []

    monkeypatch.setattr("serving.api.routes.job_results.results", held)
    one, other = course.key("ta"), course.key("ta")
    with course.serve() as client, ThreadPoolExecutor(RESULTS_OF_ONE + 1) as readers:
        path = f"/jobs/{client.post('/labs/lab1/regrade', headers=one).json()['id']}/grades.jsonl"
        reading = [readers.submit(client.get, path, headers=one) for _ in range(RESULTS_OF_ONE)]
        for _ in range(RESULTS_OF_ONE):
            assert entered.acquire(timeout=30)
        problem(client.get(path, headers=one), 429, "too-many-streams")
        reading.append(readers.submit(client.get, path, headers=other))
        assert entered.acquire(timeout=30)
        go.set()
        assert {each.result(30).status_code for each in reading} == {200}
        for _ in range(RESULTS_OF_ONE + 1):  # a place is given back a moment after its answer has come
            end = time.monotonic() + 30
            while client.get(path, headers=one).status_code == 429:
                assert time.monotonic() < end


@pytest.mark.parametrize("breaks", [False, True])
def test_a_stream_is_given_back_whether_it_is_read_or_not(breaks: bool) -> None:
    async def forever() -> AsyncIterator[str]:
        while True:
            yield ": still here\n\n"
            await asyncio.sleep(0)

    async def send(_: Any) -> None:
        if breaks:
            raise OSError("the client is gone")
        await asyncio.sleep(10)  # it does not read

    async def receive() -> Any:
        await asyncio.sleep(10)

    ended: list[bool] = []

    async def streamed() -> None:
        stream = EventStream(forever(), lambda: ended.append(True), seconds=0.05)
        await asyncio.wait_for(stream({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send), 5)

    try:
        asyncio.run(streamed())
    except Exception as error:
        assert breaks, error
    assert ended == [True]


@contextmanager
def served(app: Any) -> Iterator[tuple[str, Any]]:
    """The address of a real server of `app`, and the server."""
    http = server(app, app.state.service.stopping, 10)
    http.config.port = 0
    running = threading.Thread(target=http.run)
    running.start()
    while not http.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{http.servers[0].sockets[0].getsockname()[1]}", http
    finally:
        http.should_exit = True
        running.join(20)
    assert not running.is_alive()


def test_a_real_service_refuses_one_too_many_and_ends_all_when_it_stops(course: Any) -> None:
    client = course.serve(queue_up=False)
    with served(client.app) as (url, http), ExitStack() as held:
        job = httpx.post(f"{url}/labs/lab1/regrade").json()["id"]
        open_streams = [
            held.enter_context(httpx.stream("GET", f"{url}/jobs/{job}/events", timeout=10))
            for _ in range(STREAMS_OF_ONE)
        ]
        assert [stream.status_code for stream in open_streams] == [200] * STREAMS_OF_ONE
        refused = httpx.get(f"{url}/jobs/{job}/events")
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:grader:too-many-streams")
        http.should_exit = True
        for stream in open_streams:
            assert b"event: progress" in stream.read()  # to its end
