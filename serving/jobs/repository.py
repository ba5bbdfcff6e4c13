"""The job table: what was requested and how far each job is.

What a person decides (create, pause, cancel, resume) enters the audit log; what workers record does not.
"""

import secrets
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from labs_schema.limits import JobLimits
from labs_schema.models import NO_SUBMISSION, Lab, UnreadableSubmission
from serving.grading.retries import without_model
from serving.jobs.attempts import AttemptLog, any_failed, is_settled, to_retry
from serving.jobs.job import Job, Progress, RequestedState, work_hash
from serving.jobs.progress import progress_of
from serving.jobs.tables import attempts, jobs, members
from serving.store import students
from serving.store.database import Database
from serving.store.errors import UnknownError
from serving.store.grades.grades import StoredGrade, record_grades
from serving.store.ledger import Ledger, audited_transaction, printable_name, timestamp
from serving.store.tables import grades
from serving.store.tables import students as people


class JobRepository:
    """Jobs by id. Thread-safe. An `actor` is the id of an API key or a user of this machine."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.attempts = AttemptLog(database)

    def add(
        self,
        course: str,
        lab: Lab,
        *,
        actor: str,
        chunk: int = JobLimits().chunk_submissions,
        job_id: str | None = None,
        cli: bool = False,
        fingerprint: str | None = None,
        known: Collection[str] = (),
    ) -> Job:
        """Creates a job over all submissions of `lab`. Its students get their pseudonyms here; those without a readable
        program are parked with the reason.

        Returns the existing job if there is one with `job_id`. A CLI job is not created twice either: if another
        terminal has just created one for the same work and `fingerprint`, whose id is not among the `known`, returns
        that job.
        """
        work = work_hash(lab)  # before the transaction: the audit log's lock is shared with every grade
        with audited_transaction(self._database) as ledger:
            if job_id and (there := _read(ledger.connection, select(jobs).where(jobs.c.id == job_id))):
                return there[0]
            if cli and (other := _created_meanwhile(ledger.connection, course, lab, work, fingerprint, known)):
                return other
            job = Job(
                id=job_id or secrets.token_hex(8),
                at=ledger.at,
                actor=printable_name(actor),
                course=printable_name(course),
                lab=lab.name,
                work=work,
                chunk=chunk,
                cli=cli,
                fingerprint=fingerprint,
                warnings=lab.warnings,
            )
            return insert_job(ledger, job, lab)

    def add_absent(self, job: Job, lab: Lab, *, actor: str) -> Job:
        """Adds the students without a submission who are in the lab's tables or roster since the job was created."""
        with audited_transaction(self._database) as ledger:
            query = select(people.c.student).join(members, members.c.student == people.c.pseudonym)
            known = set(ledger.connection.execute(query.where(members.c.job == job.id)).scalars())
            new = [each for each in lab.unreadable if each.code == NO_SUBMISSION and each.student not in known]
            if new:
                pseudonyms = students.add_students(ledger, job.course, [each.student for each in new], actor)
                _add_unreadable(ledger, job, lab, new, pseudonyms)
                row = update(jobs).where(jobs.c.id == job.id)
                ledger.connection.execute(row.values(total=jobs.c.total + len(new)))
            return _get(ledger.connection, job.id)

    def job(self, job_id: str) -> Job:
        """Raises UnknownError."""
        with self._database.reading() as connection:
            return _get(connection, job_id)

    def all(self, course: str | None = None) -> list[Job]:
        """The newest first; of one course or of all."""
        found = select(jobs).order_by(jobs.c.at.desc(), jobs.c.id)
        if course is not None:
            found = found.where(jobs.c.course == course)
        with self._database.reading() as connection:
            return _read(connection, found)

    def cli_jobs(self, course: str, lab: Lab) -> list[Job]:
        """CLI jobs over exactly the work of `lab`, the newest first, without cancelled ones."""
        work = work_hash(lab)
        with self._database.reading() as connection:
            return _cli_jobs(connection, course, lab.name, work)

    def unfinished(self) -> list[Job]:
        """Jobs that workers should be grading, the oldest first."""
        open_ = jobs.c.finished_at.is_(None), jobs.c.requested == RequestedState.RUN, jobs.c.cli.is_(False)
        found = select(jobs).where(*open_).order_by(jobs.c.at, jobs.c.id)
        with self._database.reading() as connection:
            return _read(connection, found)

    def progress(self, job_id: str) -> Progress:
        """Raises UnknownError."""
        with self._database.reading() as connection:
            return progress_of(connection, _get(connection, job_id))

    def request(self, job_id: str, state: RequestedState, *, actor: str) -> Job:
        """Pauses, cancels or resumes a job. Resuming starts its next generation, which tries parked submissions again,
        except those that a person has rated since.

        A cancelled or completed job stays as it is. Raises UnknownError.
        """
        with audited_transaction(self._database) as ledger:
            job = _get(ledger.connection, job_id)
            over = job.finished_at is not None and job.failure is None and not any_failed(ledger.connection, job_id)
            unchanged = job.requested is state and job.finished_at is None
            if job.requested is RequestedState.CANCEL or over or unchanged:
                return job
            row = update(jobs).where(jobs.c.id == job_id).values(requested=state)
            if state is RequestedState.RUN:
                row = row.values(generation=job.generation + 1, failure=None, finished_at=None)
                ledger.connection.execute(delete(attempts).where(to_retry(job_id)))
            ledger.connection.execute(row)
            ledger.append("job-request", actor, {"id": job_id, "requested": state.value})
            return _get(ledger.connection, job_id)

    def finish(self, job: Job, failure: str | None = None) -> None:
        """Marks the generation of `job` as completed, or as failed with the reason `failure`.

        Does nothing if a person has paused, cancelled or resumed the job since `job` was read.
        """
        same = (
            jobs.c.id == job.id,
            jobs.c.generation == job.generation,
            jobs.c.requested == RequestedState.RUN,
            jobs.c.finished_at.is_(None),
        )
        values = {"finished_at": timestamp(self._database.now()), "failure": failure}
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(*same).values(**values))

    def members(self, job: Job, chunk: int) -> list[str]:
        """The pseudonyms of the students of a chunk (from 0), in the order of the lab's submissions."""
        return list(self.positions(job, chunk))

    def positions(self, job: Job, chunk: int) -> dict[str, int]:
        """Pseudonym -> index of the submission in the lab, for the students of a chunk (from 0)."""
        first = chunk * job.chunk
        mine = members.c.job == job.id, members.c.position >= first, members.c.position < first + job.chunk
        with self._database.reading() as connection:
            found = select(members).where(*mine).order_by(members.c.position, members.c.student)
            return {row.student: row.position for row in connection.execute(found)}

    def group_grades(self, grade: StoredGrade) -> list[str]:
        """The ids of the other members' grades of the same group work; empty unless a job graded a group."""
        same_member = (members.c.job == grades.c.request) & (members.c.student == grades.c.student)
        own = select(members.c.position).where(members.c.job == grade.request, members.c.student == grade.student)
        others = (
            members.c.job == grade.request,
            members.c.position == own.scalar_subquery(),
            members.c.student != grade.student,
        )
        found = select(grades.c.id).join(members, same_member).where(*others).order_by(grades.c.seq)
        with self._database.reading() as connection:
            return [*connection.execute(found).scalars()]

    def settled(self, job_id: str, pseudonyms: Sequence[str]) -> set[str]:
        """The members among `pseudonyms` that are settled: see `is_settled`."""
        mine = members.c.job == job_id, members.c.student.in_(pseudonyms), is_settled(job_id)
        with self._database.reading() as connection:
            return set(connection.execute(select(members.c.student).where(*mine)).scalars())


def insert_job(ledger: Ledger, job: Job, lab: Lab) -> Job:
    """Adds a new job over the submissions of `lab`, with its `total`."""
    pseudonyms = students.add_students(ledger, job.course, lab.students, job.actor)
    job = job.model_copy(update={"total": len(pseudonyms)})
    ledger.connection.execute(insert(jobs).values(job.model_dump()))
    _add_members(ledger, job, lab, pseudonyms)
    detail: dict[str, str | int | None] = job.model_dump(include={"id", "course", "lab", "work", "total"})
    ledger.append("job", job.actor, detail)
    return job


def _add_members(ledger: Ledger, job: Job, lab: Lab, pseudonyms: Sequence[str]) -> None:
    """`pseudonyms`: of `lab.students`."""
    positions = [position for position, each in enumerate(lab.submissions) for _ in each.students]
    rows = [
        {"job": job.id, "student": student, "position": position}
        for student, position in zip(pseudonyms, positions, strict=False)
    ]
    if rows:
        ledger.connection.execute(insert(members), rows)
    _add_unreadable(ledger, job, lab, lab.unreadable, pseudonyms[len(rows) :])


def _add_unreadable(
    ledger: Ledger, job: Job, lab: Lab, unreadable: Sequence[UnreadableSubmission], pseudonyms: Sequence[str]
) -> None:
    """Adds the students as parked members, after those of all submissions, each with a grade that people can override.

    The members of a group share their position.
    """
    if not unreadable:
        return
    last = select(func.max(members.c.position)).where(members.c.job == job.id)
    position = ledger.connection.execute(last).scalar()
    first = 0 if position is None else position + 1
    folders = {each.folder: first + number for number, each in reversed([*enumerate(unreadable)])}
    both = list(zip(pseudonyms, unreadable, strict=True))
    settled = {"job": job.id, "failures": 0, "crashes": 0, "parked_at": ledger.at}
    rows = [{"job": job.id, "student": student, "position": folders[each.folder]} for student, each in both]
    parked = [{**settled, "student": student, "reason": each.reason, "code": each.code} for student, each in both]
    ledger.connection.execute(insert(members), rows)
    ledger.connection.execute(insert(attempts), parked)
    reasons = {student: f"{each.code}: {each.reason}" for student, each in both}
    record_grades(ledger, lab, *without_model(lab, reasons), request=job.id, actor=job.actor)


def _read(connection: Connection, query: Select[Any]) -> list[Job]:
    return [Job.model_validate(dict(row._mapping)) for row in connection.execute(query)]


def _get(connection: Connection, job_id: str) -> Job:
    if found := _read(connection, select(jobs).where(jobs.c.id == job_id)):
        return found[0]
    raise UnknownError(f"There is no job {job_id!r}.")


def _created_meanwhile(
    connection: Connection, course: str, lab: Lab, work: str, fingerprint: str | None, known: Collection[str]
) -> Job | None:
    found = [job for job in _cli_jobs(connection, course, lab.name, work) if job.id not in known]
    return next((job for job in found if fingerprint is None or job.fingerprint in (None, fingerprint)), None)


def _cli_jobs(connection: Connection, course: str, lab: str, work: str) -> list[Job]:
    same = jobs.c.course == course, jobs.c.lab == lab, jobs.c.work == work, jobs.c.cli
    uncancelled = select(jobs).where(*same, jobs.c.requested != RequestedState.CANCEL)
    return _read(connection, uncancelled.order_by(jobs.c.at.desc(), jobs.c.id))
