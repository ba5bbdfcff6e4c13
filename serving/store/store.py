"""The store: one object for the API, the jobs and the commands, used from any thread.

Every method that writes is one transaction, entered into the audit log and on the disk when it returns. `actor` is who
caused it: a key's id, a job, a user of this machine; never a student.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from serving.store import exports, grades, history, idempotency, keys, overrides, students, verification
from serving.store.database import Database, open_database, patient
from serving.store.errors import StoreError
from serving.store.ledger import stamp, write
from serving.store.roles import Role

SCRUBBED_BY_VACUUM = ("contents", "students", "idempotency")


class Forgotten(Frozen):
    """`scrubbed` is False where another process kept the old pages of a SQLite file in use: forget again later."""

    students: int
    records: int
    scrubbed: bool


def open_store(url: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> "Store":
    """The store at `url`, made or upgraded where needed. Raises StoreError where it cannot be used."""
    return Store(open_database(url), now)


class Store:
    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self.database, self._now = database, now
        self._given_up: set[str] = set()

    def close(self) -> None:
        self.database.close()

    def pseudonym(self, course: str, student: str, *, actor: str) -> str:
        """What stands for a student everywhere behind the border; made where the course has none yet.

        Work without a student, "", goes under one name a month. Raises BadNameError for a name that is no plain text.
        """
        student = student or students.nobody(self._now())
        with self.database.reading() as connection:
            if known := students.find(connection, course, student):
                return known
        with write(self.database, self._now()) as ledger:
            return students.add(ledger, course, [student], actor)[0]

    def student(self, pseudonym: str) -> students.Student:
        """The course and the student a pseudonym stands for, who is None once forgotten. Raises UnknownError."""
        with self.database.reading() as connection:
            return students.who(connection, pseudonym)

    def record(
        self, lab: Lab, submissions: Sequence[Submission], given: Sequence[Grade], *, request: str, actor: str
    ) -> list[str | None]:
        """Appends the grades `given` to `submissions`, whose students are pseudonyms; their ids in that order.

        Once for a request and a submission: a retry gets the ids of the first time. None for a student who was
        forgotten since. All of it is written or nothing. Raises UnknownError for a pseudonym that was never given,
        ValueError for a grade of another lab, rubric or program.
        """
        with write(self.database, self._now()) as ledger:
            return grades.record(ledger, lab, submissions, given, request=request, actor=actor)

    def recorded(self, request: str) -> list[grades.StoredGrade]:
        """The grades of a request or a job, in the order they were recorded."""
        with self.database.reading() as connection:
            return grades.read_request(connection, request)

    def history(self, grade_id: str) -> history.History:
        """A grade, what was made of it, and what came before and after it. Raises UnknownError."""
        with self.database.reading() as connection:
            return history.read_history(connection, grade_id)

    def submission(self, grade_id: str) -> Submission | None:
        """The program of a grade, under its pseudonym; None where it was forgotten."""
        with self.database.reading() as connection:
            return grades.read_submission(connection, grade_id)

    def override(
        self, grade_id: str, criterion: str, rating: str, why: str, *, request: str, actor: str
    ) -> overrides.StoredOverride:
        """Appends a person's rating; a retry of the same request returns the first.

        Raises UnknownError for a grade, criterion or rating that is not there, ForgottenError for a forgotten student.
        """
        with write(self.database, self._now()) as ledger:
            return overrides.override(ledger, grade_id, criterion, rating, why, request=request, actor=actor)

    def idempotent(self, scope: str, key: str, body_hash: str, *, student: str | None = None) -> idempotency.Claim:
        """The answer that was given to this key, or the claim to work on it; end that by `answered` or `abandoned`.

        `scope`: key id and route. `student`: the pseudonym with which the answer must go. Raises OtherBodyError (422)
        and InProgressError (409).
        """
        now = self._now()
        with write(self.database, now) as ledger:
            return idempotency.claim(ledger, now, scope, key, body_hash, student, self._given_up)

    def still_held(self, claim: idempotency.Claim) -> None:
        """The work on it goes on: to be said every `idempotency.BEAT_SECONDS`, lest another take it over."""
        with self.database.writing() as connection:
            idempotency.still_held(connection, claim, stamp(self._now()))

    def answered(self, claim: idempotency.Claim, answer: str) -> str:
        """Keeps the answer for a day; returns the one to send, which is another's where the claim was taken over."""
        with write(self.database, self._now()) as ledger:
            return idempotency.answered(ledger, claim, answer)

    def abandoned(self, claim: idempotency.Claim) -> None:
        """The work failed: a retry may be made at once, by this store also where the database is away now."""
        self._given_up.add(claim.holder)
        with write(self.database, self._now()) as ledger:
            idempotency.abandoned(ledger, claim)
        self._given_up.discard(claim.holder)

    def create_key(self, name: str, role: Role, course: str | None, *, actor: str) -> tuple[str, keys.ApiKey]:
        """A new key, which cannot be shown again, and what is known of it. `course` None: every course."""
        with write(self.database, self._now()) as ledger:
            return keys.create_key(ledger, name, role, course, actor)

    def revoke_key(self, key_id: str, *, actor: str) -> keys.ApiKey:
        """From now on the key opens nothing. Raises UnknownError."""
        with write(self.database, self._now()) as ledger:
            return keys.revoke_key(ledger, key_id, actor)

    def key(self, token: str) -> keys.ApiKey | None:
        """What a key may do; None for one that is unknown or revoked."""
        with self.database.reading() as connection:
            return keys.find_key(connection, token)

    def list_keys(self) -> list[keys.ApiKey]:
        """All keys ever made, the oldest first."""
        with self.database.reading() as connection:
            return keys.list_keys(connection)

    def exported(self, course: str, folder: Path) -> None:
        """To be called before results of `course` are written into `folder`, under students' ids. No entry of the audit
        log."""
        with self.database.writing() as connection:
            exports.exported(connection, course, folder, stamp(self._now()))

    def exports(self, course: str | None = None) -> list[exports.Export]:
        """The folders that results were written into, on any machine: of all courses, or that may be of this one."""
        with self.database.reading() as connection:
            return exports.read_exports(connection, course)

    def forget(self, student: str, course: str | None = None, *, actor: str) -> Forgotten:
        """Deletes who the student is and all that was kept of their work, in one course or in all."""
        with write(self.database, self._now()) as ledger:
            found = students.named(ledger.connection, student, course)
            records = sum(students.forget(ledger, pseudonym, actor) for pseudonym in found)
        return Forgotten(students=len(found), records=records, scrubbed=self._scrub())

    def older(self, before: datetime, course: str) -> list[str]:
        """Whom `forget_older` would forget, by their ids; not whoever handed in without one."""
        with self.database.reading() as connection:
            found = students.unseen_since(connection, course, stamp(before))
            ids = [students.who(connection, each).student for each in found]
        return [each for each in ids if each and not students.is_nobody(each)]

    def forget_older(self, before: datetime, course: str, *, actor: str) -> Forgotten:
        """Forgets every student of a course of whom nothing was graded since the time `before`."""
        with write(self.database, self._now()) as ledger:
            found = students.unseen_since(ledger.connection, course, stamp(before))
            records = sum(students.forget(ledger, pseudonym, actor) for pseudonym in found)
        return Forgotten(students=len(found), records=records, scrubbed=self._scrub())

    def verify(self, noted: str | None = None) -> verification.AuditReport:
        """Reads everything. `noted` is a head noted elsewhere, as `number:hash`, which must still be in the log."""
        with self.database.reading() as connection, patient(connection):
            return verification.verify(connection, noted)

    def _scrub(self) -> bool:
        """Takes deleted bytes out of the files: SQLite's file and WAL. PostgreSQL only marks the space as free."""
        with suppress(StoreError), self.database.bare() as connection:
            if self.database.dialect == "postgresql":
                connection.execute(text(f"VACUUM {', '.join(SCRUBBED_BY_VACUUM)}"))
                return True
            connection.execute(text("VACUUM"))
            busy: int = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
            return busy == 0
        return False
