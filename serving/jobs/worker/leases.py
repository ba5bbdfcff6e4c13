"""The leases of workers: which worker grades which chunk.

A lease only prevents double work. If two workers grade a chunk, the store still records each grade once.
"""

from sqlalchemy import ColumnElement, Connection, delete, exists, select

from serving.jobs.attempts import is_settled
from serving.jobs.job import Job
from serving.jobs.tables import jobs, leases, members
from serving.store.database import Database, insert_new


class Leases:
    """The leases of the worker `name`, which end when its row in `workers` is deleted (`Heartbeats`).

    Thread-safe, with one thread at a time for each course.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database, self.name = database, name

    def claim(self, job: Job, position: int = 0) -> int | None:
        """Leases the first chunk at or after `position` that has unsettled work and no other worker.

        Returns its number (from 0), or None if there is none or another worker was faster. A lease that this worker
        already holds is renewed: an outage of the database may have prevented its release.
        """
        elsewhere = exists().where(
            leases.c.job == job.id, leases.c.chunk == members.c.position // job.chunk, leases.c.worker != self.name
        )
        with self._database.reading() as connection:
            found = _unsettled(connection, job, members.c.position >= position, ~elsewhere)
        if found is None:
            return None
        number = found // job.chunk
        with self._database.writing() as connection:
            mine = leases.c.job == job.id, leases.c.chunk == number, leases.c.worker == self.name
            connection.execute(delete(leases).where(*mine))
            row = {"job": job.id, "chunk": number, "worker": self.name}
            return number if insert_new(connection, leases, [row]) else None

    def release(self, job: Job, number: int) -> None:
        mine = leases.c.job == job.id, leases.c.chunk == number, leases.c.worker == self.name
        with self._database.writing() as connection:
            connection.execute(delete(leases).where(*mine))

    def complete(self, job: Job) -> bool:
        """Whether every submission of the job is settled."""
        with self._database.reading() as connection:
            return _unsettled(connection, job) is None

    def others_busy(self, course: str) -> bool:
        """Whether another worker is grading a chunk of the course."""
        theirs = leases.c.worker != self.name, jobs.c.course == course
        with self._database.reading() as connection:
            found = select(leases.c.chunk).join(jobs, jobs.c.id == leases.c.job).where(*theirs)
            return connection.execute(found.limit(1)).first() is not None


def _unsettled(connection: Connection, job: Job, *conditions: ColumnElement[bool]) -> int | None:
    """The first position under `conditions` that is not settled."""
    found = select(members.c.position).where(members.c.job == job.id, *conditions, ~is_settled(job.id))
    position: int | None = connection.execute(found.order_by(members.c.position).limit(1)).scalar()
    return position
