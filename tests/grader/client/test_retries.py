"""`grader.client` repeats what is safe to repeat, with the same idempotency key, and nothing else."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from grader.client import ApiError, AsyncClient, Client, ServiceUnreachableError, transport
from grader.client.models import FileIn, LabGradeRequest, SubmissionIn

REQUEST = LabGradeRequest(lab="l", submission=SubmissionIn(files=(FileIn(filename="a.c", content=""),)))
JOB = {
    **{"id": "1", "lab": "l", "course": "c", "state": "done", "started_at": "", "started_by": "", "finished_at": None},
    **{"graded": 0, "total": 0, "parked": [], "warnings": [], "failure": None, "seconds_left": None},
}
Outcome = int | tuple[int, str] | type[httpx.TransportError]
"""A status, a status with the code of a problem, or an error of the connection."""


class Script:
    """Answers requests with the outcomes in turn, the last one for ever, and records the requests."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes, self.requests = list(outcomes), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, type):
            raise outcome("lost")
        status, code = outcome if isinstance(outcome, tuple) else (outcome, "")
        if status < 300:
            return httpx.Response(status, json=JOB)
        return httpx.Response(status, json={"code": code or "x"}) if code else httpx.Response(status, text="<html>")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_wait", lambda _: 0)


def client(script: Script) -> Client:
    return Client("http://grader.test", transport=httpx.MockTransport(script))


@pytest.mark.parametrize(
    "outcome",
    [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, 502, (503, "queue-full"), (429, "rate-limited")],
)
def test_reading_and_keyed_requests_are_repeated(outcome: Outcome) -> None:
    script = Script(outcome, outcome, 200)
    assert client(script).get_job("1").state == "done" and len(script.requests) == 3
    script = Script(outcome, outcome, 200)
    assert client(script).regrade_lab("l").id == "1"
    keys = {request.headers["Idempotency-Key"] for request in script.requests}
    assert len(script.requests) == 3 and len(keys) == 1


def test_a_request_in_progress_is_repeated_with_the_callers_key() -> None:
    script = Script((409, "request-in-progress"), 202)
    client(script).regrade_lab("l", idempotency_key="mine")
    assert [request.headers["Idempotency-Key"] for request in script.requests] == ["mine", "mine"]


@pytest.mark.parametrize(
    ("outcome", "sent"),
    [(httpx.ConnectError, 2), ((429, "rate-limited"), 2), (httpx.ReadTimeout, 1), ((503, "store-unavailable"), 1)],
)
def test_a_change_without_a_key_is_repeated_only_if_it_was_not_processed(outcome: Outcome, sent: int) -> None:
    script = Script(outcome, 200)
    if sent == 2:
        client(script).pause_job("1")
    else:
        with pytest.raises((ApiError, ServiceUnreachableError)) as failed:
            client(script).pause_job("1")
        assert getattr(failed.value, "may_have_acted", True)
    assert len(script.requests) == sent


@pytest.mark.parametrize("outcome", [400, (404, "not-found"), (422, "invalid-request"), 500, 302])
def test_refusals_are_not_repeated(outcome: Outcome) -> None:
    script = Script(outcome)
    with pytest.raises(ApiError) as refused:
        client(script).grade_submission(REQUEST)
    assert len(script.requests) == 1
    assert refused.value.code == (outcome[1] if isinstance(outcome, tuple) else "unexpected-response")


def test_the_number_of_attempts_is_bounded() -> None:
    script = Script(httpx.ReadTimeout)
    with pytest.raises(ServiceUnreachableError):
        client(script).get_job("1")
    assert len(script.requests) == transport.LIMITS.attempts


def test_the_asynchronous_client_repeats_alike() -> None:
    script = Script(httpx.ReadError, (503, "shutting-down"), 200)

    async def use() -> str:
        async with AsyncClient("http://grader.test", transport=httpx.MockTransport(script)) as client:
            return (await client.get_job("1")).state

    assert asyncio.run(use()) == "done" and len(script.requests) == 3


def test_a_response_of_another_shape_is_an_error() -> None:
    odd: Any = httpx.MockTransport(lambda _: httpx.Response(200, json={"hello": 1}))
    with pytest.raises(ApiError) as refused:
        Client("http://grader.test", transport=odd).get_job("1")
    assert refused.value.code == "unexpected-response"


def test_unknown_fields_of_responses_are_ignored() -> None:
    newer: Any = httpx.MockTransport(lambda _: httpx.Response(200, json={**JOB, "added": 1}))
    assert Client("http://grader.test", transport=newer).get_job("1").id == "1"


def test_retry_after_decides_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for header, expected in (("7", 7.0), ("soon", None)):
        error = ApiError(httpx.Response(503, headers={"Retry-After": header}))
        state: Any = SimpleNamespace(outcome=SimpleNamespace(exception=lambda error=error: error), attempt_number=1)
        waited = transport._wait(state)
        assert waited == expected if expected else 0 <= waited <= transport.LIMITS.longest_retry_wait_seconds
