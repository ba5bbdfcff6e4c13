"""How the submissions of jobs fared that did not simply succeed. Knows no queue and no model."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update

from labs_schema.frozen import Frozen
from serving.jobs.job import Parked
from serving.jobs.tables import tries
from serving.store.database import Database
from serving.store.ledger import timestamp
from serving.store.tables import grades

ENDED = "the process or its engine ended while it was graded"


class Tries(Frozen):
    """How a submission fared by itself; see `serving.jobs.tables`."""

    alone: int
    failed: int
    reason: str


class AttemptLog:
    """The tries of submissions by job and pseudonym, from any thread."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now

    def of(self, job_id: str, pseudonyms: Sequence[str]) -> dict[str, Tries]:
        """Of those of `pseudonyms` that did not simply succeed."""
        mine = select(tries).where(tries.c.job == job_id, tries.c.student.in_(pseudonyms))
        with self._database.reading() as connection:
            return {
                row.student: Tries(alone=row.alone, failed=row.failed, reason=row.reason)
                for row in connection.execute(mine)
            }

    def begin(self, job_id: str, pseudonyms: Sequence[str]) -> None:
        """Notes, before they are graded together, that whatever happens now may be the fault of any of these."""
        with self._database.writing() as connection:
            known = select(tries.c.student).where(tries.c.job == job_id, tries.c.student.in_(pseudonyms))
            noted = set(connection.execute(known).scalars())
            row = {"job": job_id, "alone": 0, "failed": 0, "reason": ENDED}
            if new := [{**row, "student": pseudonym} for pseudonym in sorted(set(pseudonyms) - noted)]:
                connection.execute(insert(tries), new)

    def clear(self, job_id: str, pseudonyms: Sequence[str]) -> None:
        """They succeeded: nothing is held against them."""
        with self._database.writing() as connection:
            connection.execute(delete(tries).where(tries.c.job == job_id, tries.c.student.in_(pseudonyms)))

    def begin_alone(self, job_id: str, pseudonym: str) -> None:
        self._note(job_id, pseudonym, alone=tries.c.alone + 1)

    def failed_alone(self, job_id: str, pseudonym: str, reason: str) -> None:
        self._note(job_id, pseudonym, failed=tries.c.failed + 1, reason=reason)

    def park(self, job_id: str, pseudonym: str) -> None:
        """Gives it up, so that the rest can go on."""
        self._note(job_id, pseudonym, parked_at=timestamp(self._now()))

    def _note(self, job_id: str, pseudonym: str, **values: Any) -> None:
        with self._database.writing() as connection:
            row = update(tries).where(tries.c.job == job_id, tries.c.student == pseudonym)
            connection.execute(row.values(**values))


def given_up(job_id: str) -> Any:
    """The condition of a row that was parked, and that no worker, slower than the one that parked it, has graded."""
    graded = exists().where(grades.c.request == job_id, grades.c.student == tries.c.student)
    return (tries.c.job == job_id) & tries.c.parked_at.is_not(None) & ~graded


def parked_of(connection: Connection, job_id: str) -> tuple[Parked, ...]:
    """By pseudonym."""
    found = select(tries.c.student, tries.c.reason).where(given_up(job_id)).order_by(tries.c.student)
    return tuple(Parked(**row._mapping) for row in connection.execute(found))


def any_parked(connection: Connection, job_id: str) -> bool:
    return connection.execute(select(tries.c.student).where(given_up(job_id))).first() is not None
