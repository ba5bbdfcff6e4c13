"""The queue: submissions that wait for the outcomes of their lab's checks. Each is settled once, and stays settled.

It is settled by its outcomes, or by the reason why there are none; the first one counts. So a request that is repeated
after a crash, or graded by two workers, is graded with the same outcomes.
"""

import json
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select, update

from labs_schema.frozen import Frozen
from labs_schema.hashes import canonical_json
from labs_schema.limits import JobLimits, ObserverLimits, RetryLimits
from labs_schema.models import SourceFile, Submission
from labs_schema.observations import SubmissionObservations
from serving.store.database import Database, insert_new
from serving.store.errors import ForgottenError
from serving.store.heartbeats import Heartbeats
from serving.store.ledger import timestamp
from serving.store.students import lock_student
from serving.store.tables import observation_requests as requests
from serving.store.tables import observers

LIMITS = ObserverLimits()
NO_OBSERVER = "no observer is running"
TOO_LATE = "the observer did not finish in time"
_SWEPT = 500
_UNSETTLED = (requests.c.result.is_(None), requests.c.failure.is_(None))


class Work(Frozen):
    """A submission of a grading request or job (`request`) to a lab. `checks`: the hash of the lab's checks.

    `submission` is under the student's pseudonym.
    """

    request: str
    course: str
    lab: str
    checks: str
    submission: Submission


class Settled(NamedTuple):
    """The observations of a submission; without any, the `reason`."""

    observations: SubmissionObservations | None
    reason: str = ""

    def applied_to(self, submission: Submission) -> Submission:
        return submission.model_copy(update={"observations": self.observations, "unobserved": self.reason})


FORGOTTEN = Settled(None, "the student was forgotten")


class ObservationQueue:
    """Thread-safe."""

    def __init__(self, database: Database, dead_seconds: float = JobLimits().dead_seconds) -> None:
        self._database, self._dead_seconds = database, dead_seconds
        self.heartbeats = Heartbeats(database, observers)

    def settled(self, works: Sequence[Work]) -> list[Settled | None]:
        """The outcome of each, in order; None for one that waits. New ones are added to the queue.

        What waits without a live observer of its course is settled without observations.
        """
        with self._database.reading() as connection:
            found = [_read(connection, work) for work in works]
            todo = [work for work, each in zip(works, found, strict=True) if each is None or not each.settled]
            alive = {course: self._alive(connection, course) for course in {work.course for work in todo}}
        new = [work for work, each in zip(works, found, strict=True) if each is None]
        if new or not all(alive.values()):
            with self._database.writing() as connection:
                for work in new:
                    self._add(connection, work)
                for work in (each for each in todo if not alive[each.course]):
                    _settle(connection, work, failure=NO_OBSERVER)
                self._sweep(connection)
            with self._database.reading() as connection:
                found = [_read(connection, work) for work in works]
        return [FORGOTTEN if each is None else each.settled for each in found]

    def give_up(self, work: Work, reason: str) -> Settled:
        """Settles a submission without observations, unless it is settled already. Returns the outcome that counts."""
        self.fail(work, reason)
        with self._database.reading() as connection:
            found = _read(connection, work)
        return (found and found.settled) or FORGOTTEN

    def claim(self, worker: str, courses: Collection[str]) -> Work | None:
        """The oldest submission of `courses` that waits and that no live observer has claimed."""
        waits = (*_UNSETTLED, requests.c.worker.is_(None), requests.c.course.in_(courses))
        with self._database.writing() as connection:
            for row in connection.execute(select(requests).where(*waits).order_by(requests.c.at).limit(10)).all():
                mine = requests.c.request == row.request, requests.c.student == row.student
                claimed = {"worker": worker, "attempts": row.attempts + 1}
                if row.attempts >= RetryLimits().crashes:
                    claimed = {"failure": f"the observer ended {row.attempts} times while it ran the checks"}
                free = update(requests).where(*mine, *waits)
                if connection.execute(free.values(claimed)).rowcount and "worker" in claimed:
                    return _work(row)
        return None

    def record(self, work: Work, observations: SubmissionObservations) -> None:
        """Has no effect on what is settled, or once the student was forgotten."""
        with self._database.writing() as connection:
            _settle(connection, work, result=observations.model_dump_json(exclude_defaults=True))

    def fail(self, work: Work, reason: str) -> None:
        """Like `record`, for a submission whose checks cannot be run."""
        with self._database.writing() as connection:
            _settle(connection, work, failure=reason)

    def release(self, work: Work) -> None:
        """Leaves a claimed submission to other observers; it does not count as an attempt."""
        with self._database.writing() as connection:
            row = _row(work).values(worker=None, attempts=requests.c.attempts - 1)
            connection.execute(row)

    def waiting(self) -> int:
        with self._database.reading() as connection:
            return len(connection.execute(select(requests.c.request).where(*_UNSETTLED)).all())

    def _alive(self, connection: Connection, course: str) -> bool:
        return self.heartbeats.serves(connection, course, self._dead_seconds)

    def _add(self, connection: Connection, work: Work) -> None:
        """Adds nothing for a student who has been forgotten in the meantime."""
        try:
            lock_student(connection, work.submission.student)
        except ForgottenError:
            return
        files = [[file.path, file.text] for file in work.submission.files]
        row = work.model_dump(include={"request", "course", "lab", "checks"})
        at, student = timestamp(self._database.now()), work.submission.student
        row |= {"student": student, "at": at, "files": canonical_json(files), "attempts": 0}
        insert_new(connection, requests, [row])

    def _sweep(self, connection: Connection) -> None:
        old = requests.c.at < timestamp(self._database.now() - timedelta(hours=LIMITS.result_hours))
        found = select(requests.c.request).where(old).limit(_SWEPT).with_for_update(skip_locked=True)
        connection.execute(delete(requests).where(old, requests.c.request.in_(found)))


def _key(work: Work) -> tuple[Any, Any]:
    return requests.c.request == work.request, requests.c.student == work.submission.student


def _row(work: Work) -> Any:
    return update(requests).where(*_key(work))


def _settle(connection: Connection, work: Work, **values: str) -> None:
    """The first outcome counts."""
    connection.execute(_row(work).where(*_UNSETTLED).values(**values))


class _Known(NamedTuple):
    """A submission in the queue; `settled` is None while it waits."""

    settled: Settled | None


def _read(connection: Connection, work: Work) -> _Known | None:
    row = connection.execute(select(requests.c.result, requests.c.failure).where(*_key(work))).one_or_none()
    if row is None:
        return None
    if row.result is not None:
        return _Known(Settled(SubmissionObservations.model_validate_json(row.result)))
    return _Known(None if row.failure is None else Settled(None, row.failure))


def _work(row: Any) -> Work:
    files = tuple(SourceFile(path=path, text=text) for path, text in json.loads(row.files))
    submission = Submission(student=row.student, folder=row.student, files=files)
    return Work(request=row.request, course=row.course, lab=row.lab, checks=row.checks, submission=submission)
