"""The attempt log: submissions that were started and not graded yet, and those that were parked."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select, update

from labs_schema.frozen import Frozen
from serving.jobs.job import Parked
from serving.jobs.tables import attempts, members
from serving.store.database import Database, insert_new
from serving.store.grades.grades import by_model
from serving.store.ledger import timestamp
from serving.store.tables import grades, overrides, students

CRASHED = "the process or its engine ended while it was graded"


class Attempts(Frozen):
    """`failures`: how often grading a submission alone raised an error. `crashes`: how often it was started alone and
    gave no result, because the process or the engine ended."""

    failures: int
    crashes: int
    reason: str


class AttemptLog:
    """Attempts by job and pseudonym. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, job_id: str, pseudonyms: Sequence[str]) -> dict[str, Attempts]:
        """Pseudonym -> attempts, for those that have any."""
        mine = select(attempts).where(attempts.c.job == job_id, attempts.c.student.in_(pseudonyms))
        with self._database.reading() as connection:
            return {
                row.student: Attempts(failures=row.failures, crashes=row.crashes, reason=row.reason)
                for row in connection.execute(mine)
            }

    def start_batch(self, job_id: str, pseudonyms: Sequence[str]) -> None:
        """Call before the batch is graded: if the process ends during the batch, each of them is graded alone next."""
        row = {"job": job_id, "failures": 0, "crashes": 0, "reason": CRASHED}
        with self._database.writing() as connection:
            insert_new(connection, attempts, [{**row, "student": pseudonym} for pseudonym in sorted(pseudonyms)])

    def clear(self, job_id: str, pseudonyms: Collection[str]) -> None:
        """Call once they are graded, or when their batch was interrupted through no fault of theirs."""
        with self._database.writing() as connection:
            connection.execute(delete(attempts).where(attempts.c.job == job_id, attempts.c.student.in_(pseudonyms)))

    def start_alone(self, job_id: str, pseudonyms: Collection[str]) -> None:
        """`pseudonyms`: of one submission. Counts as a crash until `withdraw`, `fail` or `clear` is called."""
        self._update(job_id, pseudonyms, crashes=attempts.c.crashes + 1)

    def withdraw(self, job_id: str, pseudonyms: Collection[str]) -> None:
        """Undoes `start_alone`: this process stopped before it graded the submission."""
        self._update(job_id, pseudonyms, crashes=attempts.c.crashes - 1)

    def fail(self, job_id: str, pseudonyms: Collection[str], reason: str, *, started: bool) -> None:
        """`started`: whether `start_alone` was called for this attempt; it was not if the engine isolated a batch."""
        crashes = attempts.c.crashes - int(started)
        self._update(job_id, pseudonyms, failures=attempts.c.failures + 1, crashes=crashes, reason=reason)

    def park(self, job_id: str, pseudonyms: Collection[str]) -> None:
        """Gives the submission up, so that the rest of the job continues."""
        self._update(job_id, pseudonyms, parked_at=timestamp(self._database.now()))

    def _update(self, job_id: str, pseudonyms: Collection[str], **values: Any) -> None:
        with self._database.writing() as connection:
            row = update(attempts).where(attempts.c.job == job_id, attempts.c.student.in_(pseudonyms))
            connection.execute(row.values(**values))


def is_parked(job_id: str) -> Any:
    """An SQL condition on `attempts`. A parked submission that a slower worker has graded since is not parked."""
    graded = exists().where(grades.c.request == job_id, grades.c.student == attempts.c.student, by_model)
    return (attempts.c.job == job_id) & attempts.c.parked_at.is_not(None) & ~graded


def is_settled(job_id: str) -> ColumnElement[bool]:
    """A condition on `members`: the job has graded or parked the submission, or the student was deleted since."""
    return or_(
        exists().where(grades.c.request == job_id, grades.c.student == members.c.student, by_model),
        exists().where(is_parked(job_id), attempts.c.student == members.c.student),
        exists().where(students.c.pseudonym == members.c.student, students.c.student.is_(None)),
    )


def parked_of(connection: Connection, job_id: str) -> tuple[Parked, ...]:
    """The parked submissions: those without a readable program first, then the others, both sorted by pseudonym."""
    found = select(attempts.c.student, attempts.c.reason, attempts.c.code).where(is_parked(job_id))
    found = found.order_by(attempts.c.code.is_(None), attempts.c.student)
    return tuple(Parked(**row._mapping) for row in connection.execute(found))


def to_retry(job_id: str) -> Any:
    """An SQL condition on `attempts`: submissions that a resumed job tries again. Not those that a person has rated."""
    rated = select(grades.c.student).join(overrides, overrides.c.grade == grades.c.id).where(grades.c.request == job_id)
    return (attempts.c.job == job_id) & attempts.c.code.is_(None) & attempts.c.student.not_in(rated)


def any_failed(connection: Connection, job_id: str) -> bool:
    """Whether the job gave up a submission, which a resumed job tries again."""
    failed = select(attempts.c.student).where(is_parked(job_id), to_retry(job_id))
    return connection.execute(failed).first() is not None
