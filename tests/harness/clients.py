"""Clients of `POST /grade` that retry each submission, with the same `Idempotency-Key`, until it is answered."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

import httpx

PAUSE = 0.05


class Answer(NamedTuple):
    """`status` 0: the connection was refused; -1: it broke after the request was sent. Times in seconds."""

    key: str
    at: float
    seconds: float
    status: int
    retry_after: bool
    code: str
    grade_id: str


class RetryingClients:
    """`count` threads that post to `url`, which may change, while the block lasts. `answers`: all responses."""

    def __init__(self, lab: str, count: int, url: str = "", pace: float = 0.0) -> None:
        self.answers: list[Answer] = []
        self.url, self._lab, self._pace = url, lab, pace
        self._stop = threading.Event()
        self._client = httpx.Client(headers={"Connection": "close"}, timeout=90)
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def since(self, moment: float) -> list[Answer]:
        return [answer for answer in self.answers if answer.at >= moment]

    def _run(self, client: int) -> None:
        """Sends every third answered request once more."""
        number = 0
        while not self._stop.is_set():
            number += 1
            key, text = uuid.uuid4().hex, f"int client = {client}, number = {number};\n"
            while self._send(client, key, text).status != 200 and not self._stop.wait(PAUSE):
                pass
            if number % 3 == 0 and not self._stop.is_set():
                self._send(client, key, text)
            self._stop.wait(self._pace)

    def _send(self, client: int, key: str, text: str) -> Answer:
        files = [{"filename": "main.c", "content": text}]
        body = {"lab": self._lab, "student": f"c{client}", "submission": {"files": files}}
        began = time.monotonic()
        status, body_out, headers = 0, {}, httpx.Headers()
        try:
            got = self._client.post(f"{self.url}/grade", json=body, headers={"Idempotency-Key": key})
            status, body_out, headers = got.status_code, got.json(), got.headers
        except (httpx.ConnectError, httpx.UnsupportedProtocol):
            pass
        except httpx.TransportError:
            status = -1
        found = Answer(
            key=key,
            at=began,
            seconds=time.monotonic() - began,
            status=status,
            retry_after="retry-after" in headers,
            code=str(body_out.get("code", "")),
            grade_id=str(body_out.get("grade_id", "")),
        )
        self.answers.append(found)
        return found


def count_statuses(answers: Sequence[Answer]) -> dict[str, int]:
    """Status -> number of answers."""
    names = {0: "refused connection", -1: "broken connection"}
    return {
        str(names.get(status, status)): n for status, n in sorted(Counter(answer.status for answer in answers).items())
    }
