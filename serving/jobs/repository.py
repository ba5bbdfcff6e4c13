"""The book of jobs: what was asked for and how far it is, in the store's database. Knows no queue and no model.

What a person decides (begin, pause, cancel, resume) is entered into the audit log; what a worker notes is not.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from labs_schema.models import Lab
from serving.jobs.attempts import AttemptLog, any_parked, given_up
from serving.jobs.job import Job, Progress, RequestedState, work_hash
from serving.jobs.progress import progress_of
from serving.jobs.tables import jobs, members, tries
from serving.store import students
from serving.store.database import Database
from serving.store.errors import UnknownError
from serving.store.ledger import audited_transaction, printable_name, timestamp
from serving.store.tables import grades
from serving.store.tables import students as people

CHUNK = 16
"""Submissions to a durable step: few enough that a kill costs little, enough that the queue costs little."""


class JobRepository:
    """Jobs by their id, from any thread. `actor` is who caused a change: a key's id or a user of this machine."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database, self._now = database, now
        self.tries = AttemptLog(database, now)

    def add(
        self,
        course: str,
        lab: Lab,
        *,
        actor: str,
        chunk: int = CHUNK,
        job_id: str | None = None,
        at_terminal: bool = False,
        origin: str | None = None,
        known: Collection[str] = (),
    ) -> Job:
        """Begins a job over all submissions of `lab`; its students get their pseudonyms here.

        With a `job_id` that there is already, nothing is begun: it is that job. Nor where another terminal began one
        for the same work and `origin` a moment ago: a job of a terminal that is none of the `known`.
        """
        work = work_hash(lab)  # not under the lock that every grade waits for
        with audited_transaction(self._database, self._now()) as ledger:
            if job_id and (there := _found(ledger.connection, job_id)):
                return there
            if at_terminal and (quicker := _begun_meanwhile(ledger.connection, course, lab, work, origin, known)):
                return quicker
            pseudonyms = students.add_students(ledger, course, [each.student for each in lab.submissions], actor)
            job = Job(
                id=job_id or secrets.token_hex(8),
                at=ledger.at,
                actor=printable_name(actor),
                course=printable_name(course),
                lab=lab.name,
                work=work,
                total=len(lab.submissions),
                chunk=chunk,
                round=1,
                wish=RequestedState.RUN,
                failure=None,
                finished_at=None,
                at_terminal=at_terminal,
                origin=origin,
            )
            ledger.connection.execute(insert(jobs).values(job.model_dump()))
            rows = [{"job": job.id, "position": i, "student": each} for i, each in enumerate(pseudonyms)]
            if rows:
                ledger.connection.execute(insert(members), rows)
            detail: dict[str, str | int | None] = job.model_dump(include={"id", "course", "lab", "work", "total"})
            ledger.append("job", actor, detail)
        return job

    def job(self, job_id: str) -> Job:
        """Raises UnknownError."""
        with self._database.reading() as connection:
            return _job(connection, job_id)

    def all(self, course: str | None = None) -> list[Job]:
        """The newest first; of one course or of all."""
        found = select(jobs).order_by(jobs.c.at.desc(), jobs.c.id)
        if course is not None:
            found = found.where(jobs.c.course == course)
        with self._database.reading() as connection:
            return [Job.model_validate(dict(row._mapping)) for row in connection.execute(found)]

    def at_terminals(self, course: str, lab: Lab) -> list[Job]:
        """Those over the very work of `lab`, the newest first, without those that a person cancelled."""
        work = work_hash(lab)
        with self._database.reading() as connection:
            return _at_terminals(connection, course, lab.name, work)

    def courses(self) -> set[str]:
        """Those that ever had a job for a worker."""
        with self._database.reading() as connection:
            found = select(jobs.c.course).where(jobs.c.at_terminal.is_(False)).distinct()
            return set(connection.execute(found).scalars())

    def unfinished(self) -> list[Job]:
        """Those that a worker should be working on."""
        open_ = jobs.c.finished_at.is_(None), jobs.c.wish == RequestedState.RUN, jobs.c.at_terminal.is_(False)
        found = select(jobs).where(*open_).order_by(jobs.c.at, jobs.c.id)
        with self._database.reading() as connection:
            return [Job.model_validate(dict(row._mapping)) for row in connection.execute(found)]

    def progress(self, job_id: str) -> Progress:
        """Raises UnknownError."""
        with self._database.reading() as connection:
            return progress_of(connection, _job(connection, job_id))

    def wish(self, job_id: str, wish: RequestedState, *, actor: str) -> Job:
        """What a person wants of a job; RUN begins the next round, in which what was parked is tried again.

        Of a job that was cancelled or is done nothing can be wished: it stays as it is. Raises UnknownError.
        """
        with audited_transaction(self._database, self._now()) as ledger:
            job = _job(ledger.connection, job_id)
            over = job.finished_at is not None and job.failure is None and not any_parked(ledger.connection, job_id)
            if job.wish is RequestedState.CANCEL or over or (job.wish is wish and job.finished_at is None):
                return job
            row = update(jobs).where(jobs.c.id == job_id).values(wish=wish)
            if wish is RequestedState.RUN:
                row = row.values(round=job.round + 1, failure=None, finished_at=None)
                ledger.connection.execute(delete(tries).where(tries.c.job == job_id))
            ledger.connection.execute(row)
            ledger.append("job-wish", actor, {"id": job_id, "wish": wish.value})
            return _job(ledger.connection, job_id)

    def finish(self, job: Job, failure: str | None = None) -> None:
        """No more will come of the round that `job` was in, or `failure`, the reason why it cannot go on.

        Nothing where somebody paused it, cancelled it or began the next round meanwhile.
        """
        self._end_round(job, finished_at=timestamp(self._now()), failure=failure)

    def begin_again(self, job: Job) -> None:
        """The round that `job` was in is over and left something, by nobody's fault: the next one does the rest.

        Unlike a person's resume, it tries nothing again that was parked. Nothing where `finish` would do nothing.
        """
        self._end_round(job, round=job.round + 1)

    def _end_round(self, job: Job, **values: Any) -> None:
        same = (
            jobs.c.id == job.id,
            jobs.c.round == job.round,
            jobs.c.wish == RequestedState.RUN,
            jobs.c.finished_at.is_(None),
        )
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(*same).values(**values))

    def members(self, job: Job, chunk: int) -> list[str]:
        """The pseudonyms of the students of a chunk (from 0), in the order of the lab's submissions."""
        first = chunk * job.chunk
        mine = members.c.job == job.id, members.c.position >= first, members.c.position < first + job.chunk
        with self._database.reading() as connection:
            found = select(members.c.student).where(*mine).order_by(members.c.position)
            return list(connection.execute(found).scalars())

    def settled(self, job_id: str, pseudonyms: Sequence[str]) -> set[str]:
        """Those of `pseudonyms` that the job has graded, given up, or that were forgotten meanwhile."""
        mine = grades.c.request == job_id, grades.c.student.in_(pseudonyms)
        parked_too = given_up(job_id), tries.c.student.in_(pseudonyms)
        gone = people.c.pseudonym.in_(pseudonyms), people.c.student.is_(None)
        with self._database.reading() as connection:
            done = set(connection.execute(select(grades.c.student).where(*mine)).scalars())
            parked = set(connection.execute(select(tries.c.student).where(*parked_too)).scalars())
            return done | parked | set(connection.execute(select(people.c.pseudonym).where(*gone)).scalars())


def _found(connection: Connection, job_id: str) -> Job | None:
    found = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    return None if found is None else Job.model_validate(dict(found._mapping))


def _job(connection: Connection, job_id: str) -> Job:
    if (found := _found(connection, job_id)) is None:
        raise UnknownError(f"There is no job {job_id!r}.")
    return found


def _begun_meanwhile(
    connection: Connection, course: str, lab: Lab, work: str, origin: str | None, known: Collection[str]
) -> Job | None:
    found = [job for job in _at_terminals(connection, course, lab.name, work) if job.id not in known]
    return next((job for job in found if origin is None or job.origin in (None, origin)), None)


def _at_terminals(connection: Connection, course: str, lab: str, work: str) -> list[Job]:
    same = jobs.c.course == course, jobs.c.lab == lab, jobs.c.work == work, jobs.c.at_terminal
    found = select(jobs).where(*same, jobs.c.wish != RequestedState.CANCEL).order_by(jobs.c.at.desc(), jobs.c.id)
    return [Job.model_validate(dict(row._mapping)) for row in connection.execute(found)]
