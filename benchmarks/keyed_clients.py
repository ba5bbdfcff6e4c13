"""Clients of `POST /grade` that give up nothing: each sends a submission with an `Idempotency-Key`, and sends it again,
with the same key, until it is answered. What they were answered is held against the store."""

import threading
import time
import uuid
from collections import Counter, defaultdict
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx
from sqlalchemy import func, select

from serving.jobs.tables import jobs
from serving.store.store import Store
from serving.store.tables import grades

PAUSE = 0.05


class Answer(NamedTuple):
    """`status` 0: the connection was refused; -1: it broke after the request was sent."""

    key: str
    at: float
    seconds: float
    status: int
    retry_after: bool
    code: str
    grade_id: str


class KeyedClients:
    """`count` threads that ask `url`, which may change, while the block lasts. `answers`: all that they got."""

    def __init__(self, lab: str, count: int, url: str = "", pace: float = 0.0) -> None:
        self.answers: list[Answer] = []
        self.url, self._lab, self._pace = url, lab, pace
        self._stop = threading.Event()
        self._client = httpx.Client(headers={"Connection": "close"}, timeout=90)
        self._threads = [threading.Thread(target=self._ask, args=(i,)) for i in range(count)]

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

    def _ask(self, client: int) -> None:
        """Every third request that was answered is sent once more."""
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
        status, told, headers = 0, {}, httpx.Headers()
        try:
            got = self._client.post(f"{self.url}/grade", json=body, headers={"Idempotency-Key": key})
            status, told, headers = got.status_code, got.json(), got.headers
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
            code=str(told.get("code", "")),
            grade_id=str(told.get("grade_id", "")),
        )
        self.answers.append(found)
        return found


def held_against(store: Store, answers: list[Answer]) -> dict[str, int]:
    """`lost`: grades that were answered and are not in the store; `doubled`: programs with two grades outside of jobs;
    `other_answers`: keys that were not answered the same each time."""
    given: dict[str, set[str]] = defaultdict(set)
    for answer in answers:
        if answer.status == 200:
            given[answer.key].add(answer.grade_id)
    of_jobs = select(jobs.c.id)
    twice = select(func.count()).where(grades.c.request.not_in(of_jobs)).group_by(grades.c.student, grades.c.submission)
    with store.database.reading() as connection:
        kept = set(connection.execute(select(grades.c.id)).scalars())
        doubled = sum(count - 1 for count in connection.execute(twice).scalars())
    return {
        "answered": len(given),
        "lost": sum(grade_id not in kept for ids in given.values() for grade_id in ids),
        "doubled": doubled,
        "other_answers": sum(len(ids) - 1 for ids in given.values()),
    }


def jobs_held_against(store: Store) -> dict[str, int]:
    """What is wrong with the grades of the jobs that are done: each has one of each of its submissions."""
    from serving.jobs.repository import JobRepository

    book = JobRepository(store.database)
    lost = doubled = parked = 0
    for job in book.all():
        recorded = Counter(grade.student for grade in store.read_grades(job.id))
        lost += job.total - len(recorded)
        doubled += sum(number - 1 for number in recorded.values())
        parked += len(book.progress(job.id).parked)
    return {"jobs": len(book.all()), "jobs_lost": lost, "jobs_doubled": doubled, "jobs_parked": parked}


def counted(answers: list[Answer]) -> dict[str, Any]:
    """Status -> how many."""
    names = {0: "refused connection", -1: "broken connection"}
    return {
        str(names.get(status, status)): n for status, n in sorted(Counter(answer.status for answer in answers).items())
    }
